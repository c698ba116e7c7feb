// What a call leaves in the logs of a real router and of a real machine, and how the two lines find each other.
import { rm, writeFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { Program } from "../testing/program.ts";
import { CLIENT_TOKEN, connected, startAgent, startRouter } from "../testing/routed.ts";
import { type Subject, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const PATIENCE = { timeout: 20_000, interval: 25 };
const args = ["--log-level", "debug"];

let router: Program;
let agent: Program;
let subject: Subject;
beforeAll(async () => {
  router = await startRouter({ args });
  agent = await startAgent(router.url, "box", { args });
  await connected(agent);
  subject = subjectOf({ url: router.url, token: CLIENT_TOKEN, data: agent.data });
});
afterAll(async () => {
  await Promise.all([router?.close(), agent?.close()]);
});

async function post(body: object, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${router.url}/mcp/execute`, {
    method: "POST",
    headers: { authorization: `Bearer ${CLIENT_TOKEN}`, ...headers },
    body: JSON.stringify(body),
  });
}

/** The lines of a request, from both ends, as soon as both are there. */
async function linesOf(id: string): Promise<Record<string, unknown>[]> {
  const lines = (program: Program) =>
    program
      .log()
      .split("\n")
      .filter((line) => line.includes(`"request_id":"${id}"`))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  return vi.waitFor(() => {
    const both = [router, agent].map(lines);
    if (both.some((each) => each.length === 0)) throw new Error(`no line of ${id} yet`);
    return both.flat();
  }, PATIENCE);
}

const [DEBUG, INFO, WARN, ERROR] = [20, 30, 40, 50];

test("a change is one line here and one there, with the client's id, and nothing of what was in it", async () => {
  const secret = "a prompt that is nobody's business";
  const args = { name: "cats", dataset_path: "cats", prompts: [secret], trigger_word: "ohwx" };
  const response = await post(
    { tool: "create_training_config", arguments: args },
    { "x-request-id": "from-my-proxy_1=" },
  );
  expect(response.headers.get("x-request-id")).toBe("from-my-proxy_1=");
  const line = {
    level: INFO,
    request_id: "from-my-proxy_1=",
    tool: "create_training_config",
    machine: "box",
    caller: "owner's token",
    outcome: "ok",
    ms: expect.any(Number),
  };
  expect(await linesOf("from-my-proxy_1=")).toEqual([
    { ...line, caller_id: "owner", time: expect.any(String), msg: "call" },
    { ...line, time: expect.any(String), msg: "call" },
  ]);
  for (const log of [router.log(), agent.log()]) {
    expect(log).not.toContain(secret);
    expect(log).not.toContain("ohwx");
    expect(log).not.toContain(CLIENT_TOKEN);
  }
});

test("a look is told at debug only; what fails is told always, with why", async () => {
  await post({ tool: "list_configs" }, { "x-request-id": "look" });
  expect((await linesOf("look")).map(({ level }) => level)).toEqual([DEBUG, DEBUG]);
  await post({ tool: "get_config", arguments: { name: "none" } }, { "x-request-id": "miss" });
  for (const line of await linesOf("miss")) expect(line).toMatchObject({ level: WARN, outcome: "not_found" });
});

test.each([
  ["none", undefined],
  ["one that would break a line of the log", "a b"],
  ["one without end", "x".repeat(101)],
])("a request with an id that is %s gets one of ours", async (_what, sent) => {
  const response = await post({ tool: "list_configs" }, sent === undefined ? {} : { "x-request-id": sent });
  const id = response.headers.get("x-request-id") ?? "";
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await linesOf(id)).toHaveLength(2);
});

test("MCP in both eras answers with the id, too, and so does a refusal at the door", async () => {
  const body = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "list_configs", arguments: {} },
  };
  const legacy = await subject.send("/mcp", { body, headers: { "x-request-id": "legacy" } });
  expect(legacy.headers.get("x-request-id")).toBe("legacy");
  const meta = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
  };
  const modern = await subject.send("/mcp", {
    body: { ...body, params: { ...body.params, _meta: meta } },
    headers: {
      "x-request-id": "modern",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "list_configs",
    },
  });
  expect(modern.headers.get("x-request-id")).toBe("modern");
  for (const id of ["legacy", "modern"]) expect(await linesOf(id)).toHaveLength(2);
  const stranger = await fetch(`${router.url}/mcp/tools`, { headers: { "x-request-id": "stranger" } });
  expect([stranger.status, stranger.headers.get("x-request-id")]).toEqual([401, "stranger"]);
});

test("who meets a bug is told the id under which both logs have it, and no more", async () => {
  await rm(subject.paths.config, { recursive: true });
  await writeFile(subject.paths.config, "a file where a folder belongs");
  const response = await post({ tool: "list_configs" }, { "x-request-id": "bug" });
  const told = {
    code: "internal",
    error: expect.not.stringContaining(agent.data),
    hint: "The log has them under request_id bug",
  };
  expect([response.status, await response.json()]).toEqual([500, { success: false, result: null, ...told }]);
  const { result } = await subject.rpc("tools/call", { name: "list_configs", arguments: {} });
  const text = expect.stringMatching(/has them under request_id [0-9a-f-]{36}"/);
  expect(result).toMatchObject({ isError: true, content: [{ type: "text", text }] });
  const lines = await linesOf("bug");
  expect(lines).toContainEqual(
    expect.objectContaining({ level: ERROR, outcome: "internal", msg: "call failed" }),
  );
  expect(lines).toContainEqual(
    expect.objectContaining({
      level: ERROR,
      err: expect.objectContaining({ stack: expect.stringContaining("ENOTDIR") }),
    }),
  );
});
