// The command line as a person, systemd and old scripts use it.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { LOADERS } from "./commands/index.ts";
import { COMMANDS } from "./commands/list.ts";
import { clear, newDataFolder, runProgram, startProgram } from "./testing/program.ts";
import { putRun, subjectOf } from "./testing/subject.ts";
import { identify, isAlive } from "./tools/training/process.ts";

vi.setConfig({ testTimeout: 30_000 });

const PATIENCE = { timeout: 20_000, interval: 25 };

test.each(["--version", "-V"])("%s says name and version", async (flag) => {
  const { code, stdout } = await runProgram([flag]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^mcp-ai-toolkit \d+\.\d+\.\d+\n$/);
});

test.each(["--help", "-h"])("%s lists every flag with its environment variable", async (flag) => {
  const { code, stdout } = await runProgram([flag]);
  expect(code).toBe(0);
  for (const name of [
    "--mode",
    "--port",
    "--host",
    "--backend-url",
    "--log-level",
    "--data",
    "--trainer",
    "--stop-grace",
  ]) {
    expect(stdout).toContain(name);
  }
  for (const variable of [
    "AI_TOOLKIT_PATH",
    "RUST_LOG",
    "MCP_AI_TOOLKIT_TOKEN",
    "MCP_AI_TOOLKIT_STOP_GRACE",
  ]) {
    expect(stdout).toContain(variable);
  }
});

test("--help lists every command in its group, and each tells its own story with examples", async () => {
  const { stdout } = await runProgram(["--help"]);
  for (const [group, entries] of Object.entries(COMMANDS)) {
    expect(stdout).toContain(`\n${group}:\n`);
    for (const { name, text } of entries) expect(stdout).toMatch(new RegExp(`^  ${name} .*${text}$`, "m"));
  }
  const names = Object.values(COMMANDS).flatMap((entries) => entries.map(({ name }) => name));
  expect(names).toEqual(expect.arrayContaining(Object.keys(LOADERS)));
  for (const name of Object.keys(LOADERS)) {
    const help = await runProgram([...name.split(" "), "--help"]);
    expect(help, name).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout, name).toMatch(/\nExamples:\n {2}\S/);
  }
});

test.each([
  [["--mode", "nonsense"], "--mode must be one of standalone, stdio, server, client"],
  [["--port", "99999"], "--port must be a number"],
  [["--no-such-flag"], "unknown option"],
  [["surplus"], "too many arguments"],
  [["constructor"], "too many arguments"],
  [["--mode", "client"], "--backend-url"],
  [["--token", "short"], "openssl rand -hex 32"],
  [["--token-file", "/nonexistent"], "--token-file cannot be read"],
])("%j is a mistake that is explained, with exit code 2", async (args, sentence) => {
  const { code, stdout, stderr } = await runProgram(args);
  expect(code).toBe(2);
  expect(stdout).toBe("");
  expect(stderr).toContain(sentence);
  expect(stderr).not.toContain("    at "); // no stack traces for people
});

test("D14: another address than loopback needs a token; the refusal has the command that makes one", async () => {
  const { code, stderr } = await runProgram(["--host", "0.0.0.0", "--port", "0"]);
  expect(code).toBe(2);
  expect(stderr).toContain("openssl rand -hex 32 > ~/.mcp-ai-toolkit-token");
  expect(stderr).toContain("--host 0.0.0.0 --token-file ~/.mcp-ai-toolkit-token");
});

test("D31: the container's own line, --mode http --host 0.0.0.0, starts once there is a token", async () => {
  const token = "0123456789abcdef0123456789abcdef";
  const program = await startProgram({
    args: ["--mode", "http", "--host", "0.0.0.0"],
    env: { MCP_AI_TOOLKIT_TOKEN: token },
  });
  onTestFinished(() => program.close());
  const { port } = new URL(program.url);
  const server = subjectOf({ ...program, url: `http://127.0.0.1:${port}`, token });
  expect(await server.call("list_configs")).toMatchObject({ configs: [] });
  expect(program.log()).not.toContain(token);
  expect(program.log()).not.toContain("INSECURE");
});

test("--insecure says so", async () => {
  const program = await startProgram({ args: ["--host", "0.0.0.0", "--insecure"] });
  onTestFinished(() => program.close());
  await vi.waitFor(() => expect(program.log()).toContain("INSECURE"), PATIENCE);
});

test("a taken port is one sentence and exit code 1", async () => {
  const program = await startProgram();
  onTestFinished(() => program.close());
  const { port } = new URL(program.url);
  const { code, stderr } = await runProgram([
    "--port",
    port,
    "--data",
    program.data,
    "--trainer",
    "rehearsal",
  ]);
  expect(code).toBe(1);
  expect(stderr).toBe(`mcp-ai-toolkit: Port ${port} on 127.0.0.1 is taken; choose another with --port\n`);
});

test("a data folder that cannot be made is one sentence and exit code 1", async () => {
  const { code, stderr } = await runProgram(["--port", "0", "--data", "/dev/null/x"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^mcp-ai-toolkit: .*\/dev\/null\/x.*\n$/);
});

test("the folders are made at the start, the state folder for us alone", async () => {
  const data = join(await newDataFolder(), "deep/down");
  onTestFinished(() => clear(join(data, "../..")));
  const program = await startProgram({ data });
  onTestFinished(() => program.close());
  for (const folder of ["config", "datasets", "outputs", "output"]) {
    expect((await stat(join(data, folder))).isDirectory()).toBe(true);
  }
  expect((await stat(join(data, ".mcp-ai-toolkit"))).mode & 0o777).toBe(0o700);
});

test.each(["SIGTERM", "SIGINT", "SIGHUP"] as const)(
  "D33: %s ends it with exit code 0 while a run goes on",
  async (signal) => {
    const program = await startProgram();
    onTestFinished(() => program.close());
    const { call, paths } = subjectOf(program);
    await putRun(paths, "goes_on", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
    const { job_id, pid } = await call("start_training", { config_name: "goes_on" });
    await vi.waitFor(
      async () => expect(await call("get_training_status", { job_id })).toMatchObject({ phase: "training" }),
      PATIENCE,
    );
    const identity = await identify(Number(pid));
    expect(await program.stop(signal)).toBe(0);
    expect(await isAlive(identity)).toBe(true);
  },
);

test("D33: a request under way when it is asked to end is still answered", async () => {
  const program = await startProgram({ env: { MCP_AI_TOOLKIT_STOP_GRACE: "1.5" } });
  onTestFinished(() => program.close());
  const { call, execute, paths } = subjectOf(program);
  await putRun(paths, "deaf", {
    train: { steps: 1_000_000 },
    rehearsal: { step_ms: 5, fault: "ignores-sigint" },
  });
  const { job_id } = await call("start_training", { config_name: "deaf" });
  const phase = async () => (await call("get_training_status", { job_id }))["phase"];
  await vi.waitFor(async () => expect(await phase()).toBe("training"), PATIENCE);
  const stopping = execute("stop_training", { job_id });
  await vi.waitFor(async () => expect(await phase()).toBe("stopping"), PATIENCE);
  const ended = program.stop();
  expect(await stopping).toMatchObject({ status: 200, json: { job_id, state: "stopped" } });
  expect(await ended).toBe(0);
});

test("D7: asked to end in the middle of a stop, it leaves the trainer the time it has", async () => {
  const program = await startProgram({ env: { MCP_AI_TOOLKIT_STOP_GRACE: "60" } });
  onTestFinished(() => program.close());
  const { call, url, paths } = subjectOf(program);
  await putRun(paths, "deaf", {
    train: { steps: 1_000_000 },
    rehearsal: { step_ms: 5, fault: "ignores-sigint" },
  });
  const { job_id, pid } = await call("start_training", { config_name: "deaf" });
  const reaches = (wanted: object) =>
    vi.waitFor(async () => {
      const status = await call("get_training_status", { job_id });
      expect(status).toMatchObject(wanted);
      return Number(status["step"]);
    }, PATIENCE);
  await reaches({ phase: "training" });
  const leaving = new AbortController();
  const body = JSON.stringify({ tool: "stop_training", arguments: { job_id } });
  const stopping = fetch(`${url}/mcp/execute`, { method: "POST", body, signal: leaving.signal });
  const step = await reaches({ phase: "stopping" });
  await reaches({ step: expect.toSatisfy((now: number) => now > step + 60) }); // the interrupt was sent long ago
  leaving.abort();
  await expect(stopping).rejects.toThrow("abort");
  const identity = await identify(Number(pid));
  expect(await program.stop()).toBe(0);
  expect(await isAlive(identity)).toBe(true);
});
