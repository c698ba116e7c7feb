import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import { clearSession } from "./clear-session.ts";
import { identify, isAlive, launch, type ProcessIdentity, readExit } from "./process.ts";

const launcher = { pid: 11, startTicks: 22, bootId: null };

vi.setConfig({ testTimeout: 30_000 });

/** Runs a script as a job's trainer, until its end; what it printed last is the pid of something it leaves behind. */
async function leaveBehind(script: string, jobId: string) {
  const folder = await scratch();
  const env = { PATH: "/usr/bin:/bin", AITK_JOB_ID: jobId };
  const child = await launch({ command: ["/bin/sh", "-c", script], cwd: "/tmp", env, launcher, folder });
  const identity = await identify(child.pid ?? 0);
  const log = () => readFile(join(folder, "log.txt"), "utf8");
  await vi.waitFor(
    async () => expect([await readExit(folder), await log()]).toEqual([0, expect.stringMatching(/^\d+\n$/)]),
    10_000,
  );
  const left = await identify(Number(await log()));
  expect(await isAlive(left)).toBe(true);
  return { identity, left };
}

const gone = (identity: ProcessIdentity) =>
  vi.waitFor(async () => expect(await isAlive(identity)).toBe(false), 10_000);

test.each([
  ["in the run's session", "sleep 60 & echo $!"],
  ["that ignores everything", `sh -c 'trap "" INT TERM HUP; exec sleep 60' & echo $!`],
  ["in a session of its own", `setsid sh -c 'echo $$; exec sleep 60' &`],
])("what is left %s is ended", async (_, script) => {
  const { identity, left } = await leaveBehind(script, "job-1");
  await clearSession(identity, "job-1");
  await gone(left);
});

test("another job's processes are left alone", async () => {
  const other = await leaveBehind("setsid sh -c 'echo $$; exec sleep 60' &", "job-22");
  const own = await leaveBehind("sleep 60 & echo $!", "job-2");
  await clearSession(own.identity, "job-2");
  await gone(own.left);
  expect(await isAlive(other.left)).toBe(true);
  process.kill(other.left.pid, "SIGKILL");
});
