import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test, vi } from "vitest";
import { pathsOf } from "../paths.ts";
import { contractSuite } from "../testing/contract.suite.ts";
import { startProgram } from "../testing/program.ts";
import { putDataset, putRun, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 30_000 });

contractSuite("standalone", () => startProgram());

/** From the old server's README, as written there. */
const CURL_LINES = [
  "curl http://localhost:8012/health",
  "curl http://localhost:8012/mcp/tools",
  `curl -X POST http://localhost:8012/mcp/execute \\
  -H 'Content-Type: application/json' \\
  -d '{
    "tool": "create_training_config",
    "arguments": {
      "name": "my_lora",
      "model_name": "runwayml/stable-diffusion-v1-5",
      "dataset_path": "/ai-toolkit/datasets/my_dataset",
      "steps": 1000,
      "rank": 16
    }
  }'`,
  `curl -X POST http://localhost:8012/mcp/execute \\
  -H 'Content-Type: application/json' \\
  -d '{"tool": "list_training_jobs", "arguments": {}}'`,
];

/** Runs them against a program whose data folder is `data`; only the port is another one. @returns what they printed */
async function runCurlLines(data: string, edit = (line: string) => line): Promise<unknown[]> {
  await putDataset(pathsOf({ data }), "my_dataset");
  const program = await startProgram({ data });
  onTestFinished(() => program.close());
  const answers: unknown[] = [];
  for (const line of CURL_LINES) {
    const command = edit(line).replaceAll("localhost:8012", new URL(program.url).host);
    const { stdout } = await promisify(execFile)("/bin/sh", ["-c", `exec ${command} --silent --show-error`]);
    answers.push(JSON.parse(stdout));
  }
  return answers;
}

const ANSWERED = [
  expect.objectContaining({ status: "healthy", server: "ai-toolkit" }),
  { tools: expect.arrayContaining([expect.objectContaining({ name: "create_training_config" })]) },
  {
    success: true,
    result: { content: [{ type: "text", text: expect.stringContaining("my_lora.yaml") }] },
    error: null,
  },
  {
    success: true,
    result: { content: [{ type: "text", text: expect.stringContaining('"jobs": []') }] },
    error: null,
  },
];

test("the old README's curl lines work with a data folder somewhere else and its path in them", async () => {
  const root = await mkdtemp(join(tmpdir(), "aitk-curl-"));
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const data = join(root, "ai-toolkit");
  expect(await runCurlLines(data, (line) => line.replace('"/ai-toolkit/', `"${data}/`))).toEqual(ANSWERED);
});

test("the old README's curl lines work word for word where the data folder is /ai-toolkit", async ({
  skip,
}) => {
  const data = "/ai-toolkit";
  const problem = await mkdir(data).then(
    () => undefined,
    (error: Error) => error.message,
  );
  if (problem) return skip(`it cannot be made here, or belongs to somebody: ${problem}`);
  onTestFinished(() => rm(data, { recursive: true, force: true }));
  expect(await runCurlLines(data)).toEqual(ANSWERED);
});

test("D31: without ai-toolkit the health says so, and a start is refused with what to do", async () => {
  const program = await startProgram({ args: ["--trainer", "auto"] });
  onTestFinished(() => program.close());
  const { send, execute, paths } = subjectOf(program);
  expect((await send("/health")).json).toMatchObject({
    status: "degraded",
    trainer: null,
    problems: [expect.stringContaining("No ai-toolkit")],
  });
  await putRun(paths, "cats");
  const reply = await execute("start_training", { config_name: "cats" });
  expect(reply).toMatchObject({ status: 409, success: false, result: null, code: "trainer_missing" });
  expect(reply.error).toContain(paths.root);
  for (const way of ["git clone", "--toolkit", "--trainer rehearsal"]) expect(reply.hint).toContain(way);
  expect(await readdir(paths.jobs)).toEqual([]);
  expect(await execute("list_configs")).not.toMatchObject({ json: { trainer: "rehearsal" } });
});

test("D14: with a token only /health and the discovery answer without it, and tell nothing of the machine", async () => {
  const token = "0123456789abcdef0123456789abcdef";
  const program = await startProgram({ env: { MCP_AI_TOOLKIT_TOKEN: token } });
  onTestFinished(() => program.close());
  const stranger = subjectOf(program);
  const health = await stranger.send("/health");
  expect(health.json).toEqual({ status: "healthy", server: "ai-toolkit", version: expect.any(String) });
  expect((await stranger.send("/.well-known/mcp")).status).toBe(200);

  for (const [path, body] of [
    ["/mcp/tools", undefined],
    ["/mcp", undefined],
    ["/mcp", { jsonrpc: "2.0", id: 1, method: "ping" }],
    ["/mcp/execute", { tool: "list_configs" }],
    ["/nothing", undefined],
  ] as const) {
    for (const authorization of [undefined, "Bearer wrong", token, `Basic ${token}`, `Bearer ${token}x`]) {
      const { status, headers, json } = await stranger.send(path, {
        body,
        headers: { ...(authorization && { authorization }) },
      });
      expect(status, `${path} ${authorization}`).toBe(401);
      // More would make clients start OAuth and forget the token they were given.
      expect(headers.get("www-authenticate")).toMatch(/^Bearer( error="invalid_token")?$/);
      expect(json).toMatchObject({ success: false, code: "unauthorized" });
    }
  }
  const friend = subjectOf({ ...program, token });
  expect(await friend.call("list_configs")).toMatchObject({ configs: [] });
  expect((await friend.send("/health")).json).toMatchObject({ trainer: "rehearsal" });
});
