// contract.md §2.3: JSON-RPC as scripts and older MCP clients speak it.
import { access } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Json, parseRpcAnswer, parseToolResult, textOf } from "../caller.ts";
import { type Chapter, OLD_TOOLS } from "./chapter.ts";

const PARSE_ERROR = -32700;
const INVALID_REQUEST = -32600;
const METHOD_NOT_FOUND = -32601;
const INVALID_PARAMS = -32602;

export const jsonRpc: Chapter = (subject) => {
  const post = (body: unknown, headers: Record<string, string> = {}, path = "/mcp") =>
    subject().send(path, { body, headers });
  const callMessage = (name: string, args: unknown, id?: unknown) => ({
    jsonrpc: "2.0",
    ...(id !== undefined && { id }),
    method: "tools/call",
    params: { name, arguments: args },
  });
  const tool = async (name: string, args?: unknown) => {
    const { result } = await subject().rpc("tools/call", { name, arguments: args });
    return parseToolResult(result);
  };
  const exists = (path: string) =>
    access(path).then(
      () => true,
      () => false,
    );

  describe("envelope", () => {
    test.each(["/mcp", "/mcp/", "/messages", "/mcp/rpc"])("POST %s", async (path) => {
      const { status, headers, json } = await post({ jsonrpc: "2.0", id: 7, method: "tools/list" }, {}, path);
      expect(status).toBe(200);
      expect(headers.get("content-type")).toMatch(/^application\/json/);
      expect(json).toEqual({ jsonrpc: "2.0", id: 7, result: { tools: expect.any(Array) } });
    });

    test("no Accept header is needed, and no session", async () => {
      const { status, json } = await subject().sendBare("/messages", {
        body: { jsonrpc: "2.0", id: 1, method: "tools/list" },
        headers: { "content-type": "application/json" },
      });
      expect(status).toBe(200);
      expect(json["result"]).toBeDefined();
    });

    test.each([0, 7, -1, "seven", ""])("the id %j comes back as it was", async (id) => {
      const { status, json } = await post({ jsonrpc: "2.0", id, method: "ping" });
      expect({ status, json }).toEqual({ status: 200, json: { jsonrpc: "2.0", id, result: {} } });
    });

    test("the value of jsonrpc is not looked at", async () => {
      expect((await post({ jsonrpc: "1.0", id: 1, method: "ping" })).json["result"]).toEqual({});
    });

    test("an error is HTTP 200, too", async () => {
      const { status, json } = await post({ jsonrpc: "2.0", id: 1, method: "nonsense" });
      expect(status).toBe(200);
      expect(json).toMatchObject({
        jsonrpc: "2.0",
        id: 1,
        error: { code: METHOD_NOT_FOUND, message: expect.any(String) },
      });
    });

    test.each(["resources/subscribe", "logging/setLevel", "tasks/list"])(
      "D16: %s, which is not there, is an error and no success",
      async (method) => {
        expect((await subject().rpc(method, {})).error?.code).toBe(METHOD_NOT_FOUND);
      },
    );
  });

  describe("what is no request", () => {
    test.each(["", "{", "[1,", "nonsense", '{"jsonrpc":"2.0" "id":1}'])(
      "D18: malformed JSON (%j) is a JSON-RPC error",
      async (body) => {
        const { status, headers, json } = await post(body);
        expect(status).toBe(400);
        expect(headers.get("content-type")).toMatch(/^application\/json/);
        expect(json).toMatchObject({ jsonrpc: "2.0", id: null, error: { code: PARSE_ERROR } });
      },
    );

    test.each([
      { foo: 1 },
      "x",
      3,
      null,
      true,
      { id: 1, method: "ping" },
      { jsonrpc: "2.0", id: 1 },
      { jsonrpc: "2.0", id: 1, method: 3 },
      { jsonrpc: "2.0", id: { a: 1 }, method: "ping" },
    ])("JSON that is no request (%j)", async (body) => {
      const { status, json } = await post(JSON.stringify(body));
      expect(status).toBe(400);
      expect(json).toMatchObject({ jsonrpc: "2.0", error: { code: INVALID_REQUEST } });
    });
  });

  describe("notifications", () => {
    test.each([
      { jsonrpc: "2.0", method: "notifications/initialized" },
      { jsonrpc: "2.0", method: "initialized" },
      { jsonrpc: "2.0", method: "notifications/anything", params: { a: 1 } },
      { jsonrpc: "2.0", id: null, method: "ping" },
    ])("%j is a 202 without a body", async (message) => {
      const { status, text, headers } = await post(message, { "mcp-session-id": "kept" });
      expect({ status, text }).toEqual({ status: 202, text: "" });
      expect(headers.get("mcp-session-id")).toBe("kept");
    });

    test("`initialized` as a request is acknowledged", async () => {
      expect((await subject().rpc("initialized")).result).toEqual({ status: "acknowledged" });
    });

    test("D18: a tools/call without an id is not executed", async () => {
      const args = { name: "by_notification", dataset_path: "cats" };
      const call = callMessage("create_training_config", args);
      expect((await post(call)).status).toBe(202);
      expect((await post([call, { ...call, id: null }])).status).toBe(202);
      // Had it begun, it would be over by the time that a later one is.
      await subject().call("create_training_config", { ...args, name: "by_request" });
      expect(await exists(join(subject().paths.config, "by_notification.yaml"))).toBe(false);
    });
  });

  describe("batches", () => {
    test("are answered in order, notifications left out", async () => {
      const { status, text } = await post([
        { jsonrpc: "2.0", id: 1, method: "ping" },
        { jsonrpc: "2.0", method: "notifications/initialized" },
        callMessage("list_configs", {}, "two"),
        { jsonrpc: "2.0", id: 3, method: "nonsense" },
        { foo: 1, id: 4 },
        5,
      ]);
      expect(status).toBe(200);
      const answers = (JSON.parse(text) as unknown[]).map(parseRpcAnswer);
      expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
        [1, undefined],
        ["two", undefined],
        [3, METHOD_NOT_FOUND],
        [4, INVALID_REQUEST],
        [null, INVALID_REQUEST],
      ]);
    });

    test("D18: an empty one is an invalid request", async () => {
      const { status, json } = await post("[]");
      expect(status).toBe(400);
      expect(json).toMatchObject({ id: null, error: { code: INVALID_REQUEST } });
    });

    test("D18: one of notifications only is a 202", async () => {
      const { status, text } = await post([{ jsonrpc: "2.0", method: "notifications/initialized" }]);
      expect({ status, text }).toEqual({ status: 202, text: "" });
    });

    test("of more than a hundred messages are refused", async () => {
      const ping = { jsonrpc: "2.0", id: 1, method: "ping" };
      expect((await post(Array.from({ length: 101 }, () => ping))).status).toBe(400);
    });
  });

  describe("sessions", () => {
    test("a stale session id is as good as any, and comes back", async () => {
      const { status, headers, json } = await post(
        { jsonrpc: "2.0", id: 1, method: "tools/list" },
        { "mcp-session-id": "0c6e9a4e-9f3b-4a54-8d0c-from-before-the-restart" },
      );
      expect(status).toBe(200);
      expect(headers.get("mcp-session-id")).toBe("0c6e9a4e-9f3b-4a54-8d0c-from-before-the-restart");
      expect(json["result"]).toBeDefined();
    });

    test("only an initialize that comes alone and without one gets a new one", async () => {
      const initialize = { jsonrpc: "2.0", id: 1, method: "initialize", params: {} };
      const sessionOf = async (body: unknown, headers = {}) =>
        (await post(body, headers)).headers.get("mcp-session-id");
      expect(await sessionOf(initialize)).toMatch(/^[0-9a-f-]{36}$/);
      expect(await sessionOf(initialize, { "mcp-session-id": "kept" })).toBe("kept");
      expect(await sessionOf([initialize])).toBeNull();
      expect(await sessionOf({ jsonrpc: "2.0", id: 1, method: "ping" })).toBeNull();
    });

    test("Mcp-Response-Mode and MCP-Protocol-Version of old clients do no harm", async () => {
      const headers = { "mcp-response-mode": "batch", "mcp-protocol-version": "2024-11-05" };
      expect((await post({ jsonrpc: "2.0", id: 1, method: "ping" }, headers)).status).toBe(200);
    });
  });

  describe("initialize", () => {
    const initialize = async (params?: unknown) => (await subject().rpc("initialize", params)).result as Json;
    const client = { capabilities: {}, clientInfo: { name: "test", version: "1" } };

    test.each(["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])(
      "speaks %s",
      async (protocolVersion) => {
        expect(await initialize({ protocolVersion, ...client })).toMatchObject({
          protocolVersion,
          serverInfo: { name: "ai-toolkit", version: expect.any(String) },
          capabilities: { tools: expect.any(Object) },
          instructions: expect.stringContaining("start_training"),
        });
      },
    );

    test.each(["1999-01-01", "2099-01-01", ""])(
      "D16: the version %j, which nobody knows, is answered with a known one",
      async (protocolVersion) => {
        expect(await initialize({ protocolVersion, ...client })).toMatchObject({
          protocolVersion: "2025-11-25",
        });
      },
    );

    test.for([undefined, {}, "nonsense", [], { protocolVersion: "2025-06-18" }])(
      "params may be missing or malformed: %j",
      async (params) => {
        const { protocolVersion } = await initialize(params);
        expect(protocolVersion).toBe(
          params === undefined || !("protocolVersion" in Object(params)) ? "2024-11-05" : "2025-06-18",
        );
      },
    );

    test("D16: advertises tools and nothing that is not there", async () => {
      const { capabilities } = await initialize({ protocolVersion: "2025-11-25", ...client });
      expect(Object.keys(capabilities as object)).toEqual(["tools", "resources", "prompts", "completions"]);
    });
  });

  describe("tools", () => {
    test("tools/list has all of them at once", async () => {
      const { result } = await subject().rpc("tools/list", { cursor: "ignored" });
      const { tools, ...rest } = result as { tools: Json[] };
      expect(rest).toEqual({});
      expect(tools.map(({ name }) => name).slice(0, OLD_TOOLS.length)).toEqual(OLD_TOOLS);
      for (const { inputSchema } of tools) expect(inputSchema).toMatchObject({ type: "object" });
    });

    test("a result is JSON text", async () => {
      const { content, isError } = await tool("list_model_presets");
      expect(isError).toBeUndefined();
      expect(content).toHaveLength(1);
      expect(JSON.parse(textOf(content) ?? "")).toMatchObject({ presets: expect.any(Array) });
    });

    test("D30: a failed tool is a result with isError, the old body, a code and a hint", async () => {
      const { content, structuredContent, isError } = await tool("get_config", { name: "gone" });
      expect(isError).toBe(true);
      expect(structuredContent).toBeUndefined();
      expect(JSON.parse(textOf(content) ?? "")).toEqual({
        error: "Configuration not found",
        code: "not_found",
        hint: expect.any(String),
      });
    });

    test.for([undefined, null, "x", [], 3])(
      "arguments that are no object (%j) miss the first parameter",
      async (args) => {
        const { content, isError } = await tool("get_config", args);
        expect(isError).toBe(true);
        expect(JSON.parse(textOf(content) ?? "")).toMatchObject({
          error: "Invalid parameters: Missing 'name' parameter",
          code: "invalid_input",
        });
      },
    );

    test("an unknown tool is a JSON-RPC error that names it", async () => {
      const { error } = await subject().rpc("tools/call", { name: "no_such", arguments: {} });
      expect(error?.code).toBe(INVALID_PARAMS);
      expect(error?.message).toContain("Tool not found: no_such");
    });

    test.for([undefined, {}, { name: 3 }])("a call without a name (%j) is an error", async (params) => {
      expect((await subject().rpc("tools/call", params)).error?.code).toBe(INVALID_PARAMS);
    });
  });

  describe("2026-07-28", () => {
    const envelope = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const modern = (method: string, params: object = {}, headers: Record<string, string> = {}) =>
      post(
        { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta: envelope } },
        {
          accept: "application/json, text/event-stream",
          "mcp-protocol-version": "2026-07-28",
          "mcp-method": method,
          ...headers,
        },
      );

    test("server/discover", async () => {
      const { status, json } = await modern("server/discover");
      expect(status).toBe(200);
      expect(json["result"]).toMatchObject({
        supportedVersions: ["2026-07-28"],
        capabilities: { tools: expect.any(Object) },
        resultType: "complete",
      });
    });

    test("tools/list may be kept for a while", async () => {
      const { json } = await modern("tools/list");
      expect(json["result"]).toMatchObject({ cacheScope: "private", ttlMs: expect.any(Number) });
      expect((json["result"] as { ttlMs: number }).ttlMs).toBeGreaterThan(0);
    });

    test("tools/call, and a bad argument as its result", async () => {
      const call = (args: object) =>
        modern("tools/call", { name: "get_config", arguments: args }, { "mcp-name": "get_config" });
      expect((await call({ name: "gone" })).json["result"]).toMatchObject({
        isError: true,
        resultType: "complete",
      });
      expect((await call({})).json["result"]).toMatchObject({ isError: true });
    });

    test("ping, which that era does not have, is a 404", async () => {
      const { status, json } = await modern("ping");
      expect({ status, code: (json["error"] as Json)["code"] }).toEqual({
        status: 404,
        code: METHOD_NOT_FOUND,
      });
    });

    test("a header that names another method is refused", async () => {
      const { status, json } = await modern("tools/list", {}, { "mcp-method": "tools/call" });
      expect({ status, code: (json["error"] as Json)["code"] }).toEqual({ status: 400, code: -32020 });
    });
  });
};
