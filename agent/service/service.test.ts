// The program under a service manager, as systemd starts one of Type=notify with a watchdog.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { startProgram } from "../testing/program.ts";
import { putRun, subjectOf } from "../testing/subject.ts";

vi.setConfig({ testTimeout: 60_000 });
const PATIENCE = { timeout: 30_000, interval: 25 };
const path = process.env["PATH"] ?? "";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "service-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** A systemd-notify that writes down what it was told. */
async function recorder(): Promise<{ env: Record<string, string>; told: () => Promise<string[]> }> {
  const file = join(folder, "told");
  const helper = join(folder, "systemd-notify");
  await writeFile(file, "");
  await writeFile(helper, `#!/bin/sh\n[ "$NOTIFY_SOCKET" = /run/test ] && echo "$*" >> ${file}\n`);
  await chmod(helper, 0o755);
  const env = { PATH: `${folder}:${path}`, CUDA_VISIBLE_DEVICES: "", NOTIFY_SOCKET: "/run/test" };
  return { env, told: async () => (await readFile(file, "utf8")).trim().split("\n") };
}

test("it says that it is ready, then that it is well, and in the end that it stops", async () => {
  const { env, told } = await recorder();
  const program = await startProgram({ env: { ...env, WATCHDOG_USEC: "300000" } });
  onTestFinished(() => program.close());
  await vi.waitFor(async () => expect((await told()).length).toBeGreaterThan(3), PATIENCE);
  expect(await program.stop()).toBe(0);
  const [first, ...rest] = await told();
  expect(first).toBe(`READY=1 STATUS=${program.url}`);
  expect(rest.at(-1)).toBe("STOPPING=1");
  expect(new Set(rest.slice(0, -1))).toEqual(new Set(["WATCHDOG=1"]));
});

test("without a watchdog, or with one for another process, it only says that it is ready", async () => {
  const { env, told } = await recorder();
  const others: readonly Record<string, string>[] = [{}, { WATCHDOG_USEC: "1000", WATCHDOG_PID: "1" }];
  for (const more of others) {
    const program = await startProgram({ env: { ...env, ...more } });
    onTestFinished(() => program.close());
    await vi.waitFor(async () => expect((await told()).at(-1)).toContain(program.url), PATIENCE);
    await program.stop();
  }
  expect((await told()).map((line) => line.split(" ")[0])).toEqual([
    "READY=1",
    "STOPPING=1",
    "READY=1",
    "STOPPING=1",
  ]);
});

test("a helper that is missing is said in the log and ends nothing", async () => {
  const env = { PATH: folder, CUDA_VISIBLE_DEVICES: "", NOTIFY_SOCKET: "/run/test" };
  const program = await startProgram({ env });
  onTestFinished(() => program.close());
  await vi.waitFor(() => expect(program.log()).toContain("systemd-notify failed"), PATIENCE);
  expect((await fetch(`${program.url}/health`)).status).toBe(200);
});

test("a trainer hears nothing of the manager, and is as far behind as the agent was put in front", async () => {
  const { env } = await recorder();
  const nice = canBeNice() ? ({ within: ["nice", "-n", "-3"] } as const) : {};
  const program = await startProgram({ env: { ...env, WATCHDOG_USEC: "60000000" }, ...nice });
  onTestFinished(() => program.close());
  const { call, paths } = subjectOf(program);
  await putRun(paths, "goes_on", { train: { steps: 1_000_000 }, rehearsal: { step_ms: 5 } });
  const { job_id } = await call("start_training", { config_name: "goes_on" });
  const status = () => call("get_training_status", { job_id });
  await vi.waitFor(async () => expect(await status()).toMatchObject({ phase: "training" }), PATIENCE);
  const trainer = await childOf(Number((await status())["pid"]));
  const environment = await readFile(`/proc/${trainer}/environ`, "utf8");
  expect(environment).toContain("AITK_JOB_ID=");
  expect(environment).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
  if (canBeNice()) expect(await niceOf(trainer)).toBe(3);
});

function canBeNice(): boolean {
  return execFileSync("nice", ["-n", "-3", "nice"], { encoding: "utf8", stdio: "pipe" }).trim() === "-3";
}

/** Field 19 of /proc/<pid>/stat (proc(5)). */
async function niceOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[16]);
}

async function childOf(pid: number): Promise<number> {
  return Number((await readFile(`/proc/${pid}/task/${pid}/children`, "utf8")).split(" ")[0]);
}

const RECEIVER = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("bound", flush=True)
while True:
    data, fds, _flags, _from = socket.recv_fds(s, 4096, 4)
    for fd in fds: os.close(fd)
    print(data.decode(), flush=True)
`;
const has = (program: string, ...args: readonly string[]) => {
  try {
    execFileSync(program, args, { stdio: "ignore" });
    return true;
  } catch {
    return false; // not installed
  }
};
const real = has("systemd-notify", "--version") && has("python3", "--version");

test.skipIf(!real)("systemd's own helper brings the message to a real socket", async () => {
  const socket = join(folder, "notify");
  const receiver = spawn("python3", ["-c", RECEIVER, socket], { stdio: ["ignore", "pipe", "inherit"] });
  const gone = once(receiver, "exit");
  onTestFinished(async () => {
    receiver.kill();
    await gone;
  });
  const lines: string[] = [];
  createInterface({ input: receiver.stdout }).on("line", (line) => lines.push(line));
  await vi.waitFor(() => expect(lines).toContain("bound"), PATIENCE);
  const env = { PATH: path, CUDA_VISIBLE_DEVICES: "", NOTIFY_SOCKET: socket, WATCHDOG_USEC: "300000" };
  const program = await startProgram({ env });
  onTestFinished(() => program.close());
  await vi.waitFor(() => expect(lines).toContain("WATCHDOG=1"), PATIENCE);
  await program.stop();
  expect(lines).toEqual(expect.arrayContaining(["READY=1", `STATUS=${program.url}`, "STOPPING=1"]));
});
