// contract.md §2.6: MCP over stdin and stdout, by hand. What real clients do with it stands in mcp-clients.test.ts.
import { access, mkdir, readlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { pathsOf } from "../paths.ts";
import { parseRpcAnswer } from "../testing/caller.ts";
import { clear, newDataFolder, runProgram } from "../testing/program.ts";
import { startStdio } from "../testing/stdio.ts";
import { putRun } from "../testing/subject.ts";
import { identify, sessionMembers } from "../tools/training/process.ts";

vi.setConfig({ testTimeout: 30_000 });

const start = async (options: Parameters<typeof startStdio>[0] = {}) => {
  const program = await startStdio(options);
  onTestFinished(() => program.close());
  return program;
};

const request = (id: unknown, method: string, params?: object) => ({
  jsonrpc: "2.0",
  id,
  method,
  ...(params && { params }),
});
const toolsCall = (id: unknown, name: string, args: object = {}) =>
  request(id, "tools/call", { name, arguments: args });
const initialize = request(0, "initialize", {
  protocolVersion: "2025-06-18",
  capabilities: {},
  clientInfo: { name: "test", version: "1" },
});

/** Everything at once, then the end of stdin, as in `echo … | mcp-ai-toolkit --mode stdio`. */
async function pipe(lines: readonly unknown[]) {
  const data = await newDataFolder();
  onTestFinished(() => clear(data));
  const input = lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join("");
  const { code, stdout } = await runProgram(
    ["--mode", "stdio", "--data", data, "--trainer", "rehearsal", "--port", "1"],
    { input },
  );
  const answers = stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseRpcAnswer(JSON.parse(line)));
  return { code, answers, data };
}

test("everything that was asked before stdin ended is answered, then the program exits with 0", async () => {
  const { code, answers } = await pipe([
    initialize,
    { jsonrpc: "2.0", method: "notifications/initialized" },
    request(1, "tools/list"),
    toolsCall(2, "list_configs"),
    toolsCall("three", "get_config", { name: "gone" }),
    toolsCall(4, "no_such"),
    request(5, "nonsense"),
    request(6, "ping"),
  ]);
  expect(code).toBe(0);
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  expect([...byId.keys()].sort()).toEqual([0, 1, 2, 4, 5, 6, "three"]);
  expect(byId.get(0)?.result).toMatchObject({
    protocolVersion: "2025-06-18",
    serverInfo: { name: "ai-toolkit" },
  });
  expect(byId.get(1)?.result).toMatchObject({
    tools: expect.arrayContaining([expect.objectContaining({ name: "start_training" })]),
  });
  expect(byId.get(2)?.result).toMatchObject({ structuredContent: { configs: [] } });
  expect(byId.get("three")?.result).toMatchObject({ isError: true });
  expect(byId.get(4)?.error).toMatchObject({
    code: -32602,
    message: expect.stringContaining("Tool not found: no_such"),
  });
  expect(byId.get(5)?.error?.code).toBe(-32601);
  expect(byId.get(6)?.result).toEqual({});
});

test("no initialize is needed", async () => {
  const { answers } = await pipe([toolsCall(1, "list_datasets")]);
  expect(answers).toMatchObject([{ id: 1, result: { structuredContent: { datasets: [] } } }]);
});

test("nothing at all on stdin is a clean end", async () => {
  expect(await pipe([])).toMatchObject({ code: 0, answers: [] });
});

test("blank lines are passed over, malformed ones answered, and the conversation goes on", async () => {
  const { code, answers } = await pipe([
    "",
    "   ",
    "{nonsense",
    [request(1, "ping"), request(2, "ping")],
    "3",
    "null",
    { jsonrpc: "1.0", id: 4, method: "ping" },
    { jsonrpc: "2.0", id: 5, method: 7 },
    { jsonrpc: "2.0", id: 6, method: "ping", params: [] },
    '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"get_config","arguments":{"__proto__":{"name":"a"}}}}',
    request(8, "ping"),
  ]);
  expect(code).toBe(0);
  const codes = answers.map(({ id, error }) => [id, error?.code]);
  expect(codes.filter(([id]) => id === null)).toEqual(Array.from({ length: 4 }, () => [null, -32700]));
  for (const id of [4, 5, 6]) expect(codes).toContainEqual([id, -32600]);
  expect(answers.find(({ id }) => id === 7)?.result).toMatchObject({ isError: true });
  expect(codes).toContainEqual([8, undefined]);
});

test("D18: a tools/call without an id is not executed", async () => {
  const args = { name: "by_notification", dataset_path: "cats" };
  const { answers, data } = await pipe([
    { jsonrpc: "2.0", method: "tools/call", params: { name: "create_training_config", arguments: args } },
    toolsCall(1, "list_configs"),
  ]);
  expect(answers).toMatchObject([{ id: 1, result: { structuredContent: { configs: [] } } }]);
  await expect(access(join(data, "config/by_notification.yaml"))).rejects.toThrow("ENOENT");
});

test("where no link can be had, a model's bytes still come only when asked for, and the tool for links is named", async () => {
  const { data, call } = await start();
  const { output } = pathsOf({ data });
  await mkdir(output, { recursive: true });
  await writeFile(join(output, "old.ckpt"), "of that kind any bytes will do");
  const answer = await call("download_model", { model_name: "old" });
  expect(answer).toMatchObject({
    path: join(output, "old.ckpt"),
    note: expect.stringContaining("create_download_link"),
  });
  for (const key of ["data", "link"]) expect(answer).not.toHaveProperty(key);
  expect(await call("download_model", { model_name: "old", encoding: "base64" })).toHaveProperty("data");
});

test("D33: a slow tool does not block ping", async () => {
  const { data, send, answers, answer, call } = await start({ env: { MCP_AI_TOOLKIT_STOP_GRACE: "0.5" } });
  await putRun(pathsOf({ data }), "slow", {
    train: { steps: 1_000_000 },
    rehearsal: { step_ms: 5, fault: "ignores-sigint" },
  });
  const { job_id } = await call("start_training", { config_name: "slow" });
  await vi.waitFor(
    async () => expect(await call("get_training_status", { job_id })).toMatchObject({ phase: "training" }),
    20_000,
  );
  send(toolsCall("stop", "stop_training", { job_id }));
  send(request("ping", "ping"));
  send(toolsCall("list", "list_configs"));
  await answer("stop");
  const order = answers.map(({ id }) => id);
  expect(order.indexOf("ping")).toBeLessThan(order.indexOf("stop"));
  expect(order.indexOf("list")).toBeLessThan(order.indexOf("stop"));
});

test("a cancelled call is not answered, and does not keep the program when stdin ends", async () => {
  const { data, send, answers, call, end } = await start();
  await putRun(pathsOf({ data }), "slow", {
    train: { steps: 1_000_000 },
    rehearsal: { step_ms: 5, fault: "ignores-sigterm" },
  });
  const { job_id } = await call("start_training", { config_name: "slow" });
  await vi.waitFor(
    async () => expect(await call("get_training_status", { job_id })).toMatchObject({ phase: "training" }),
    20_000,
  );
  send(toolsCall("stop", "stop_training", { job_id }));
  await vi.waitFor(
    async () => expect(await call("get_training_status", { job_id })).toMatchObject({ phase: "stopping" }),
    20_000,
  );
  send({ jsonrpc: "2.0", method: "notifications/cancelled", params: { requestId: "stop" } });
  expect(await end()).toBe(0);
  expect(answers.map(({ id }) => id)).not.toContain("stop");
});

test("D24: a run does not read our stdin, and goes on when stdin ends; the next program finds it", async () => {
  const first = await start();
  await putRun(pathsOf(first), "long", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  const { job_id, pid } = await first.call("start_training", { config_name: "long" });
  await vi.waitFor(
    async () =>
      expect(await first.call("get_training_status", { job_id })).toMatchObject({ phase: "training" }),
    20_000,
  );
  const identity = await identify(Number(pid));
  const members = await sessionMembers(identity);
  expect(members.length).toBeGreaterThan(1);
  for (const member of members) expect(await readlink(`/proc/${member}/fd/0`)).toBe("/dev/null");
  expect(await first.end()).toBe(0);

  const second = await start({ data: first.data });
  expect(await second.call("get_training_status", { job_id })).toMatchObject({ status: "running", pid });
  expect(await second.call("stop_training", { job_id })).toMatchObject({ state: "stopped" });
  expect(await sessionMembers(identity)).toEqual([]);
});

test("two programs on one data folder see the same jobs and never run two at once", async () => {
  const first = await start();
  const second = await start({ data: first.data });
  for (const name of ["one", "two"]) {
    await putRun(pathsOf(first), name, { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  }
  const starts = await Promise.all([
    first.call("start_training", { config_name: "one" }),
    second.call("start_training", { config_name: "two" }),
    second.call("start_training", { config_name: "one" }),
    first.call("start_training", { config_name: "two" }),
  ]);
  const begun = starts.filter(({ status }) => status === "success");
  expect(begun.map(({ state }) => state).sort()).toEqual(["queued", "running"]);
  expect(starts.filter(({ code }) => code === "conflict")).toHaveLength(2);
  for (const program of [first, second]) {
    expect(await program.call("get_training_info")).toMatchObject({
      active_jobs: 1,
      queued_jobs: 1,
      total_jobs: 2,
    });
  }
  for (const { job_id, state } of begun) {
    if (state === "queued")
      expect(await first.call("stop_training", { job_id })).toMatchObject({ state: "stopped" });
  }
  for (const { job_id, state } of begun) {
    // Stopped by the other program than the one that launched it.
    if (state === "running")
      expect(await second.call("stop_training", { job_id })).toMatchObject({ state: "stopped" });
  }
  await vi.waitFor(
    async () =>
      expect(await first.call("get_training_info")).toMatchObject({ active_jobs: 0, queued_jobs: 0 }),
    20_000,
  );
});
