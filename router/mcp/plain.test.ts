// The short way against the SDK's: the same requests, the same bytes.
import { expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import type { Serve } from "../../shared/served-calls.ts";
import type { Backend } from "../backend.ts";
import { trainingFeatures } from "../features/training-features.ts";
import { mcpEndpoint } from "../mcp-endpoint.ts";
import { connectAgent, testFleet } from "../testing/fleet.ts";
import type { Features } from "./features.ts";
import { plainAnswer } from "./plain.ts";
import { TASKS_EXTENSION } from "./tasks.ts";

const VERSION = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES = "io.modelcontextprotocol/clientCapabilities";
const CLIENT = "io.modelcontextprotocol/clientInfo";
const MODERN = "2026-07-28";
const PNG =
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

const serve: Serve = async (tool, input) => {
  const { name } = input as { readonly name?: string };
  switch (tool) {
    case "list_configs":
      return { configs: ["a", "ü \u2028 \ud83d\ude00"], "10": 1, "2": null };
    case "get_config":
      if (name === "bug") throw new TypeError("details that nobody is to read");
      if (name === "gone") throw new ToolError("not_found", "There is no such config", { hint: "Look" });
      return { name, yaml: "job: extension\n", config: { z: 1, a: [{}] } };
    case "get_training_samples":
      return {
        content: [
          { type: "text", text: "{}" },
          { mimeType: "image/png", data: PNG, type: "image" },
        ],
      };
    case "delete_config":
      return { name, deleted: true };
    default:
      throw new ToolError("agent_error", `not served here: ${tool}`);
  }
};

type Json = Readonly<Record<string, unknown>>;

interface Asked {
  /** `undefined` leaves a key out. */
  readonly body?: Json;
  readonly params?: Json;
  readonly meta?: Json;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly leaves?: true;
}

function requestOf(method: string, { body: more, params, meta, headers, leaves }: Asked) {
  const _meta = { [VERSION]: MODERN, [CAPABILITIES]: {}, ...meta };
  const message = { jsonrpc: "2.0", id: 1, method, params: { _meta, ...params }, ...more };
  const body: unknown = JSON.parse(JSON.stringify(message));
  const named = typeof params?.["name"] === "string" ? { "mcp-name": params["name"] } : {};
  const sent = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    "mcp-protocol-version": MODERN,
    "mcp-method": method,
    ...named,
    ...headers,
  };
  const kept = Object.entries(sent).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const signal = leaves ? AbortSignal.abort() : null;
  const init = { method: "POST", headers: kept, signal, body: JSON.stringify(body) };
  return { request: new Request("http://localhost/mcp", init), body };
}

const list = (asked: Asked = {}) => ["tools/list", asked] as const;
const call = (name: unknown, args?: unknown, { params, ...asked }: Asked = {}) =>
  ["tools/call", { ...asked, params: { name, arguments: args, ...params } }] as const;
const listConfigs = (asked: Asked) => call("list_configs", {}, asked);

const FORMS = { elicitation: { form: {} } };
const TASKS = { extensions: { [TASKS_EXTENSION]: {} } };
const capable = (of: unknown): Asked => ({ meta: { [CAPABILITIES]: of } });

const SHORT: Readonly<Record<string, readonly [string, Asked]>> = {
  "a list": list(),
  "a call": call("list_configs", {}),
  "a call without arguments": call("list_configs"),
  "a call with arguments": call("get_config", { name: "c" }),
  "a call with a bad argument": call("get_config", { name: 5 }),
  "a call with an unknown argument": call("list_configs", { surprise: true }),
  "a tool that fails": call("get_config", { name: "gone" }),
  "a bug": call("get_config", { name: "bug" }),
  "what the machine does not serve": call("list_datasets", {}),
  "an id that is a text": listConfigs({ body: { id: 'a"\u2028' } }),
  "an id of zero": listConfigs({ body: { id: 0 } }),
  "an Accept of JSON only": listConfigs({ headers: { accept: "application/json" } }),
  "an odd Accept": listConfigs({ headers: { accept: "text/html" } }),
  "no Accept": listConfigs({ headers: { accept: undefined } }),
  "a content type with a charset": listConfigs({
    headers: { "content-type": "Application/JSON; charset=utf-8" },
  }),
  "a client that says who it is": listConfigs({
    meta: { [CLIENT]: { name: "c", version: "1", title: "C" } },
  }),
  "words of others in _meta": listConfigs({ meta: { traceparent: "00-1-2-01", "a/b": { c: [1] } } }),
  "a log level": listConfigs({ meta: { "io.modelcontextprotocol/logLevel": "debug" } }),
  "capabilities that nobody knows": listConfigs(capable({ surprise: { a: 1 } })),
  "a client that can be asked, and a tool before which nobody is": listConfigs(capable(FORMS)),
  "a client that knows tasks, and a tool that makes none": listConfigs(capable(TASKS)),
  "a list for a client that can do all": list(capable({ ...FORMS, ...TASKS, roots: {}, sampling: {} })),
  "a session id of the old era": listConfigs({ headers: { "mcp-session-id": "stale" } }),
};

const LONG: Readonly<Record<string, readonly [string, Asked]>> = {
  "an unknown tool": call("no_such_tool", {}),
  "a tool named like a base64 header": call("=?base64?bGlzdF9jb25maWdz?=", {}),
  "a name in base64": listConfigs({ headers: { "mcp-name": "=?base64?bGlzdF9jb25maWdz?=" } }),
  "a name that is no text": call(5, {}),
  "no name": call(undefined, {}),
  "arguments that are a list": call("list_configs", []),
  "arguments that are null": call("list_configs", null),
  images: call("get_training_samples", { job_id: "j" }),
  "no params": ["tools/list", { body: { params: undefined } }],
  "params that are a list": ["tools/list", { body: { params: [] } }],
  "no _meta": listConfigs({ params: { _meta: undefined } }),
  "a _meta that is null": listConfigs({ params: { _meta: null } }),
  "a _meta without a version": listConfigs({ meta: { [VERSION]: undefined } }),
  "a _meta without capabilities": listConfigs({ meta: { [CAPABILITIES]: undefined } }),
  "capabilities that are none": listConfigs(capable("all")),
  "capabilities with a wrong one": listConfigs(capable({ elicitation: 1 })),
  "extensions that are none": list(capable({ extensions: [] })),
  "a client without a name": list({ meta: { [CLIENT]: { version: "1" } } }),
  "a log level that there is not": listConfigs({ meta: { "io.modelcontextprotocol/logLevel": "loud" } }),
  "a related task that is none": listConfigs({ meta: { "io.modelcontextprotocol/related-task": 1 } }),
  "a version that does not exist": listConfigs({
    meta: { [VERSION]: "2027-01-01" },
    headers: { "mcp-protocol-version": "2027-01-01" },
  }),
  "an old version": listConfigs({
    meta: { [VERSION]: "2025-11-25" },
    headers: { "mcp-protocol-version": "2025-11-25" },
  }),
  "a version in the body only": listConfigs({ headers: { "mcp-protocol-version": undefined } }),
  "two versions": listConfigs({ headers: { "mcp-protocol-version": "2025-11-25" } }),
  "no Mcp-Method": listConfigs({ headers: { "mcp-method": undefined } }),
  "another Mcp-Method": listConfigs({ headers: { "mcp-method": "tools/list" } }),
  "no Mcp-Name": listConfigs({ headers: { "mcp-name": undefined } }),
  "another Mcp-Name": listConfigs({ headers: { "mcp-name": "delete_config" } }),
  "another content type": listConfigs({ headers: { "content-type": "text/plain" } }),
  "no content type": listConfigs({ headers: { "content-type": "" } }),
  "no id": listConfigs({ body: { id: undefined } }),
  "an id of null": listConfigs({ body: { id: null } }),
  "an id with a fraction": listConfigs({ body: { id: 1.5 } }),
  "another jsonrpc": listConfigs({ body: { jsonrpc: "1.0" } }),
  "a word too many": listConfigs({ body: { extra: 1 } }),
  "a parameter too many": listConfigs({ params: { task: { ttl: 1 } } }),
  "a request state that is not ours": listConfigs({ params: { requestState: "made up" } }),
  "answers to what was not asked": listConfigs({ params: { inputResponses: { confirm: 1 } } }),
  "a cursor": list({ params: { cursor: "x" } }),
  "a list with a name": list({ params: { name: "list_configs" } }),
  "a progress token": listConfigs({ meta: { progressToken: 7 } }),
  "a progress token of a wrong kind": listConfigs({ meta: { progressToken: {} } }),
  "a tool that deletes, and a client that can ask": call("delete_config", { name: "c" }, capable(FORMS)),
  "a tool that deletes, and a client that cannot ask": call("delete_config", { name: "c" }),
  "a tool that makes tasks": call("wait_for_training", { job_id: "j" }, capable(TASKS)),
  "another method": ["prompts/list", {}],
  "a method that there is not": ["tools/none", {}],
  "a client that has left": listConfigs({ leaves: true }),
};

const ids = /"requestState":"[^"]+"|(?<=request_id )[\w-]+/g;

async function both(backend: Backend, [method, asked]: readonly [string, Asked]) {
  const featuresOf = trainingFeatures();
  const bugs: unknown[] = [];
  const onError = (error: unknown) => bugs.push(String(error));
  const visitor = { backend, id: "me" };
  const ask = async (more: Features) => {
    const { request, body } = requestOf(method, asked);
    const endpoint = mcpEndpoint({ featuresOf: (of) => ({ ...featuresOf(of), ...more }), onError });
    const answer = await endpoint(request, body, visitor);
    if (!(answer instanceof Response)) return { ...answer, bugs: bugs.splice(0) };
    const text = (await answer.text()).replaceAll(ids, "…");
    return { status: answer.status, headers: [...answer.headers], text, bugs: bugs.splice(0) };
  };
  const { request, body } = requestOf(method, asked);
  const options = { visitor, features: featuresOf(visitor), onError: () => {} };
  return {
    isShort: (await plainAnswer(request, body, options)) instanceof Response,
    ours: await ask({}),
    // With anything installed beside the features, the SDK is never passed by.
    theirs: await ask({ install() {} }),
  };
}

async function fleet(): Promise<Backend> {
  const made = testFleet();
  await connectAgent(made, { serve });
  return made;
}

test.each(Object.entries(SHORT))("%s is answered by the short way as by the SDK", async (_name, asked) => {
  const { isShort, ours, theirs } = await both(await fleet(), asked);
  expect(ours).toEqual(theirs);
  expect(isShort).toBe(true);
});

test.each(Object.entries(LONG))("%s is left to the SDK", async (_name, asked) => {
  const { isShort, ours, theirs } = await both(await fleet(), asked);
  expect(ours).toEqual(theirs);
  expect(isShort).toBe(false);
});

test("what a foreign back end says, or fails to say, comes out the same and is asked for once", async () => {
  const asked: string[] = [];
  const failing = (error: unknown): Backend => ({
    tools: () => {
      asked.push("tools");
      throw error;
    },
    hasTool: async (name) => {
      asked.push("hasTool");
      if (name === "unsure") throw error;
      return true;
    },
    call: async (name) => {
      asked.push("call");
      if (name === "fails") throw error;
      return { kind: "content", content: [{ type: "image", data: "no base64!", mimeType: "image/png" }] };
    },
    health: async () => {
      throw error;
    },
  });
  for (const error of [new ToolError("agent_offline", "It is off"), new Error("a bug")])
    for (const [request, once] of [
      [list(), ["tools"]],
      [call("unsure"), ["hasTool"]],
      [call("images"), ["hasTool", "call"]],
      [call("fails"), ["hasTool", "call"]],
    ] as const) {
      const { ours, theirs } = await both(failing(error), request);
      expect(ours).toEqual(theirs);
      expect(asked.splice(0)).toEqual([...once, ...once, ...once]);
    }
});

test("a client that leaves while its call is on takes it back, and gets nothing either way", async () => {
  const backend: Backend = {
    tools: () => [],
    hasTool: () => true,
    call: (_tool, _args, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => reject(new ToolError("cancelled", "taken back")));
        leave.abort();
      }),
    health: async () => {
      throw new Error("not asked here");
    },
  };
  let leave = new AbortController();
  for (const more of [{}, { install() {} }]) {
    leave = new AbortController();
    const { request, body } = requestOf(...listConfigs({}));
    const endpoint = mcpEndpoint({
      featuresOf: () => more,
      onError: (error) => {
        throw error;
      },
    });
    const answer = await endpoint(new Request(request, { signal: leave.signal }), body, {
      backend,
      id: "me",
    });
    expect(answer).toMatchObject({ status: 499, body: null });
  }
});
