// contract.md §2.4: REST only, with the details in which it differs from standalone mode.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { OLD_TOOLS } from "../testing/contract/chapter.ts";
import { type Program, startProgram } from "../testing/program.ts";
import { type Subject, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 30_000 });

let program: Program;
let server: Subject;
beforeAll(async () => {
  program = await startProgram({ args: ["--mode", "server"] });
  server = subjectOf(program);
});
afterAll(() => program?.close());

const WAYS = [
  [
    "/tools/NAME/call",
    (tool: string, args?: unknown) => server.send(`/tools/${tool}/call`, { body: { arguments: args } }),
  ],
  [
    "/execute",
    (tool: string, args?: unknown) => server.send("/execute", { body: { tool, arguments: args } }),
  ],
] as const;

test("GET /health names the mode", async () => {
  const { status, json } = await server.send("/health");
  expect(status).toBe(200);
  expect(json).toMatchObject({
    status: "healthy",
    server: "ai-toolkit",
    version: expect.any(String),
    mode: "server",
  });
});

test("GET /tools has a count", async () => {
  const { status, json } = await server.send("/tools");
  const tools = json["tools"] as { name: string }[];
  expect(status).toBe(200);
  expect(json).toEqual({ tools, count: tools.length });
  expect(tools.map(({ name }) => name).slice(0, OLD_TOOLS.length)).toEqual(OLD_TOOLS);
  for (const tool of tools) expect(Object.keys(tool).sort()).toEqual(["description", "name", "parameters"]);
});

test.each(WAYS)("POST %s: a result has is_error, and no keys that are null", async (_path, call) => {
  const { status, json } = await call("list_configs", {});
  expect(status).toBe(200);
  expect(json).toEqual({
    success: true,
    result: {
      content: [{ type: "text", text: expect.stringMatching(/^\{\n {2}"configs": \[\]/) }],
      is_error: false,
    },
  });
});

test.each(WAYS)("POST %s: arguments may be missing", async (_path, call) => {
  expect((await call("list_configs")).json).toMatchObject({ success: true });
});

test.each(WAYS)("POST %s: an unknown tool is a 404 without a result", async (_path, call) => {
  const { status, json } = await call("no_such", {});
  expect(status).toBe(404);
  expect(json).toEqual({ success: false, error: "Tool 'no_such' not found", code: "not_found" });
});

test.each(WAYS)("POST %s: a bad argument is a 400 without a result", async (_path, call) => {
  const { status, json } = await call("get_config", {});
  expect(status).toBe(400);
  expect(json).toEqual({
    success: false,
    error: "Invalid parameters: Missing 'name' parameter",
    code: "invalid_input",
  });
});

test.each(WAYS)("POST %s: a soft error keeps HTTP 200 and the old body", async (_path, call) => {
  const { status, json } = await call("get_config", { name: "gone" });
  expect(status).toBe(200);
  expect(json).toEqual({
    success: false,
    result: { content: [{ type: "text", text: expect.any(String) }], is_error: true },
    error: "Configuration not found",
    code: "not_found",
    hint: expect.any(String),
  });
  const [{ text }] = (json["result"] as { content: [{ text: string }] }).content;
  expect(JSON.parse(text)).toMatchObject({ error: "Configuration not found" });
});

test.each([{}, { arguments: {} }, { tool: null }, { tool: 3 }])(
  "POST /execute without a tool (%j)",
  async (body) => {
    const { status, json } = await server.send("/execute", { body });
    expect(status).toBe(400);
    expect(json).toEqual({ success: false, error: "Missing 'tool' field in request", code: "invalid_input" });
  },
);

test("the tool in the path wins over one in the body", async () => {
  const { json } = await server.send("/tools/list_configs/call", {
    body: { tool: "no_such", arguments: {} },
  });
  expect(json).toMatchObject({ success: true });
});

test.each([
  "/mcp",
  "/mcp/tools",
  "/mcp/execute",
  "/mcp/rpc",
  "/messages",
  "/.well-known/mcp",
  "/tools/execute",
])("%s does not exist", async (path) => {
  for (const method of ["GET", "POST"]) {
    expect((await server.send(path, { method })).status).toBe(404);
  }
});

test("a wrong method is a 405 that names the right one", async () => {
  for (const [method, path, allow] of [
    ["GET", "/execute", "POST"],
    ["GET", "/tools/list_configs/call", "POST"],
    ["POST", "/tools", "GET"],
  ] as const) {
    const { status, headers } = await server.send(path, { method });
    expect([status, headers.get("allow")], path).toEqual([405, allow]);
  }
});

test("D9: only an upload may be large", async () => {
  const arguments_ = { dataset_name: "big", images: [], padding: "x".repeat(5 * 1024 * 1024) };
  const other = await server.send("/tools/list_configs/call", { body: { arguments: arguments_ } });
  expect(other.status).toBe(413);
  expect(other.json).toMatchObject({
    success: false,
    code: "too_large",
    hint: expect.stringContaining("upload link"),
  });
  const upload = await server.send("/tools/upload_dataset/call", { body: { arguments: arguments_ } });
  expect(upload.json).toMatchObject({ error: expect.stringContaining("the list of images is empty") });
});

test("D14: a foreign Host and a foreign Origin are refused here, too", async () => {
  expect((await server.sendBare("/tools", { headers: { host: "evil.example" } })).status).toBe(403);
  expect((await server.send("/tools", { headers: { origin: "https://evil.example" } })).status).toBe(403);
});
