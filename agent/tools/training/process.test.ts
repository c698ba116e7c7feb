import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test, vi } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import {
  identify,
  isAlive,
  launch,
  readExit,
  readStarted,
  revokeTickets,
  sessionMembers,
  signalAll,
} from "./process.ts";

const run = promisify(execFile);

const launcher = { pid: 11, startTicks: 22, bootId: null };

async function start(script: string, folder: string, oomScoreAdjust?: number) {
  const child = await launch({
    command: ["/bin/sh", "-c", script],
    cwd: "/tmp",
    env: { PATH: "/usr/bin:/bin" },
    oomScoreAdjust,
    launcher,
    folder,
  });
  return identify(child.pid ?? 0);
}

const log = (folder: string) => readFile(join(folder, "log.txt"), "utf8");
const exit = (folder: string) =>
  vi.waitFor(async () => expect(await readExit(folder)).toBeDefined(), 20_000).then(() => readExit(folder));

test("D4: both streams go to one log, and the exit status to a file", async () => {
  const folder = await scratch();
  await start("echo out; echo err >&2; pwd; exit 7", folder);
  expect(await exit(folder)).toBe(7);
  expect(await log(folder)).toBe("out\nerr\n/tmp\n");
});

test("a program may be the first to go when memory ends, its children too", async () => {
  const folder = await scratch();
  await start("cat /proc/self/oom_score_adj", folder, 321);
  expect(await exit(folder)).toBe(0);
  expect(await log(folder)).toBe("321\n");
});

test("a status is also known of a program that a signal ended", async () => {
  const folder = await scratch();
  await start("kill -KILL $$", folder);
  expect(await exit(folder)).toBe(137);
});

test("D7: an interrupt reaches the program and its children, and the status is not lost", async () => {
  const folder = await scratch();
  const identity = await start("trap 'echo interrupted; exit 0' INT; sleep 60 & echo ready; wait", folder);
  await vi.waitFor(async () => expect(await log(folder)).toContain("ready"), 20_000);
  const members = await sessionMembers(identity);
  expect(members.length).toBeGreaterThanOrEqual(3);
  signalAll(members, "SIGINT");
  expect(await exit(folder)).toBe(0);
  expect(await log(folder)).toContain("interrupted");
  signalAll(await sessionMembers(identity), "SIGKILL"); // sh starts background jobs with SIGINT ignored
});

test("children that outlive the program are found as members of its session", async () => {
  const folder = await scratch();
  await start("sleep 60 & exit 0", folder);
  expect(await exit(folder)).toBe(0);
  const started = await readStarted(folder); // noted by itself: it may be gone before anybody looks
  if (!started) throw new Error("nobody has started");
  const identity = { ...started, bootId: null };
  await vi.waitFor(async () => expect(await isAlive(identity)).toBe(false), 20_000);
  const orphans = await sessionMembers(identity);
  expect(orphans).toHaveLength(1);
  signalAll(orphans, "SIGKILL");
  await vi.waitFor(async () => expect(await sessionMembers(identity)).toEqual([]), 20_000);
});

test("a process is not taken for another with the same number", async () => {
  const identity = await identify(process.pid);
  expect(await isAlive(identity)).toBe(true);
  expect(await isAlive({ ...identity, startTicks: (identity.startTicks ?? 0) - 1 })).toBe(false);
  expect(await isAlive({ ...identity, bootId: "another boot" })).toBe(false);
  expect(await sessionMembers({ ...identity, bootId: "another boot" })).toEqual([]);
});

test("a session whose number came round again is left alone", async () => {
  const identity = await start("sleep 60", await scratch());
  expect(await sessionMembers({ ...identity, startTicks: (identity.startTicks ?? 0) - 500 })).toEqual([]);
  expect((await sessionMembers(identity)).length).toBeGreaterThan(0);
  signalAll(await sessionMembers(identity), "SIGKILL");
});

test("a job's folder runs its job once, however often it is launched", async () => {
  const folder = await scratch();
  const first = await start("echo ran; sleep 60", folder);
  await vi.waitFor(async () => expect((await readStarted(folder))?.pid).toBe(first.pid), 20_000);
  const second = await start("echo ran; sleep 60", folder);
  await vi.waitFor(async () => expect(await isAlive(second)).toBe(false), 20_000);
  expect((await readStarted(folder))?.pid).toBe(first.pid);
  expect(await readStarted(folder)).toEqual({ pid: first.pid, startTicks: first.startTicks });
  expect(await isAlive(first)).toBe(true);
  expect(await log(folder)).toBe("ran\n");
  signalAll(await sessionMembers(first), "SIGKILL");
});

test("a launch is taken back for good, or it runs and is known: never neither, never both", async () => {
  for (let round = 0; round < 20; round += 1) {
    const folder = await scratch();
    const child = await launch({
      command: ["/bin/sh", "-c", "echo ran"],
      cwd: "/tmp",
      env: { PATH: "/usr/bin:/bin" },
      launcher,
      folder,
    });
    await revokeTickets(folder, launcher); // the shim is on its way to its first line
    const started = await readStarted(folder);
    await vi.waitFor(() => expect(child.exitCode).not.toBeNull(), 20_000);
    expect(await readStarted(folder)).toEqual(started);
    expect(await log(folder)).toBe(started ? "ran\n" : "");
    expect(await readExit(folder)).toBe(started ? 0 : undefined);
  }
});

test("taking back a launch leaves another launcher's alone", async () => {
  const folder = await scratch();
  const identity = await start("echo ran", folder);
  await revokeTickets(folder, { ...launcher, startTicks: 23 });
  expect(await exit(folder)).toBe(0);
  expect((await readStarted(folder))?.pid).toBe(identity.pid);
  await expect(revokeTickets(join(folder, "tidied away"), launcher)).resolves.toBeUndefined();
});

test("signalling what is already gone is no error", () => {
  expect(() => signalAll([2 ** 22 - 1], "SIGTERM")).not.toThrow();
});

test("whoever has too many files open says so, and takes no process for gone and no status for missing", async () => {
  const folder = await scratch();
  await writeFile(join(folder, "exit"), "0");
  await mkdir(join(folder, "started"));
  await writeFile(join(folder, "started/pid"), `${process.pid}\n`);
  const script = `
    import { openSync } from "node:fs";
    import { identify, isAlive, readExit, readStarted } from ${JSON.stringify(join(import.meta.dirname, "process.ts"))};
    const self = { ...(await identify(process.pid)), bootId: null };
    try { for (;;) openSync("/dev/null"); } catch {}
    const looks = await Promise.allSettled([isAlive(self), readExit(process.argv[1]), readStarted(process.argv[1])]);
    process.stdout.write(JSON.stringify(looks.map(({ reason, value }) => reason?.code ?? value ?? "missing")));`;
  const command = 'ulimit -n 64; exec "$0" --input-type=module -e "$1" "$2"';
  const { stdout } = await run("/bin/sh", ["-c", command, process.execPath, script, folder]);
  expect(JSON.parse(stdout)).toEqual(["EMFILE", "EMFILE", "EMFILE"]);
});
