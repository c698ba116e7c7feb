// The agent is killed with -9 in every phase of a run, or the whole machine goes: what the next one finds, it knows.
import { spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { identify, isAlive, sessionMembers, signalAll } from "../tools/training/process.ts";
import { type Program, startProgram } from "./program.ts";
import { putRun, type RunBlocks, type Subject, subjectOf } from "./subject.ts";
import { ENDLESS, PATIENCE, storyOf } from "./training-story.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const env = { MCP_AI_TOOLKIT_STOP_GRACE: "2" };
let owner: Program;
let program: Program;
let subject: Subject;

beforeAll(async () => {
  owner = await startProgram({ env });
  program = owner;
  subject = subjectOf(program);
});
afterAll(async () => {
  if (program !== owner) await program?.close();
  await owner?.close();
});

/** @param meanwhile what happens while no agent is there */
async function crash(meanwhile: () => unknown = () => {}): Promise<void> {
  await program.kill9();
  await meanwhile();
  program = await startProgram({ env, data: owner.data });
  subject = subjectOf(program);
}

/** Changes agent.db behind everybody's back; only while no agent is there. */
function rewrite(sql: string, ...values: (string | number)[]): void {
  const db = new DatabaseSync(subject.paths.db);
  db.prepare(sql).run(...values);
  db.close();
}

const { run, started, status, reaches, ended, training, stop, logs, identityOf } = storyOf(() => subject);

const SAMPLED = { steps: 12, disable_sampling: false };
/** Runs in which one thing takes its time. */
const PHASES: readonly (readonly [string, RunBlocks])[] = [
  ["loading", { rehearsal: { load_ms: 1_500 } }],
  ["caching", { dataset: { cache_latents: true }, rehearsal: { cache_ms: 400 } }],
  ["baseline_samples", { train: SAMPLED, rehearsal: { sample_ms: 1_200 } }],
  ["training", { train: { steps: 40 }, rehearsal: { step_ms: 40 } }],
  ["saving", { save: { save_every: 8 }, rehearsal: { save_ms: 1_200 } }],
  ["sampling", { train: { ...SAMPLED, skip_first_sample: true }, rehearsal: { sample_ms: 1_500 } }],
];

test.each(PHASES)(
  "killed while it is %s, the next agent has the same job, process and log, and the right verdict",
  async (phase, blocks) => {
    const id = await run(`killed ${phase}`, blocks);
    const before = await reaches(id, { phase });
    const identity = await identityOf(id);
    await crash();
    const after = await status(id);
    expect(after["pid"]).toBeOneOf([before["pid"], null]); // null: it was quicker than the next agent
    expect(await ended(id)).toMatchObject({
      status: "completed",
      exit_code: 0,
      progress: 100,
      reason: null,
      started_at: before["started_at"],
    });
    const log = await logs(id);
    expect(log.match(/REHEARSAL:/g)).toHaveLength(1);
    expect(log).toContain("Saved checkpoint to");
    expect(await sessionMembers(identity)).toEqual([]);
  },
);

test("killed right after it started a run, the next agent has it, once", async () => {
  await putRun(subject.paths, "killed early", { train: { steps: 12 }, rehearsal: { step_ms: 20 } });
  const id = await started("killed early");
  await crash();
  expect(await ended(id)).toMatchObject({ status: "completed", exit_code: 0 });
  expect((await logs(id)).match(/REHEARSAL:/g)).toHaveLength(1);
});

test("killed while it stops a run that does not want to, the next agent stops it", async () => {
  const id = await run("killed stopping", {
    ...ENDLESS,
    rehearsal: { step_ms: 5, fault: "ignores-sigterm" },
  });
  await training(id);
  const identity = await identityOf(id);
  const stopping = subject.execute("stop_training", { job_id: id }).catch(() => undefined); // cut off with the agent
  await reaches(id, { phase: "stopping" });
  await crash();
  await stopping;
  expect(await ended(id)).toMatchObject({ status: "stopped", exit_code: 137, reason: "Stopped on request" });
  expect(await sessionMembers(identity)).toEqual([]);
});

test("killed with jobs in the queue, the next agent has them in their order, and goes on with them", async () => {
  const first = await run("line 1", ENDLESS);
  const [second, third] = [await run("line 2"), await run("line 3")];
  await training(first);
  await crash();
  expect(await status(second)).toMatchObject({ status: "pending", queue_position: 1 });
  expect(await status(third)).toMatchObject({ status: "pending", queue_position: 2 });
  await stop(first);
  const [secondEnd, thirdEnd] = [await ended(second), await ended(third)];
  expect([secondEnd, thirdEnd]).toMatchObject([{ status: "completed" }, { status: "completed" }]);
  expect(String(secondEnd["finished_at"]) <= String(thirdEnd["started_at"])).toBe(true);
});

test("killed before it noted which process it launched, the next agent finds it by the job's folder", async () => {
  const id = await run("unnoted", ENDLESS);
  await training(id);
  const identity = await identityOf(id);
  await crash(() => rewrite("UPDATE jobs SET pid = NULL, start_ticks = NULL WHERE id = ?", id));
  await training(id);
  expect(await identityOf(id)).toEqual(identity);
  expect(await stop(id)).toMatchObject({ state: "stopped" });
});

test("killed after it took a job from the queue, before it launched anything: the job is started by the next one", async () => {
  const first = await run("blocks", ENDLESS);
  const id = await run("taken");
  const dead = program.pid;
  await training(first);
  const identity = await identityOf(first);
  await crash(async () => {
    signalAll(await sessionMembers(identity), "SIGKILL");
    rewrite(
      "UPDATE jobs SET status = 'running', started_at = created_at, claimed_pid = ?, claimed_ticks = 1 WHERE id = ?",
      dead,
      id,
    );
  });
  expect(await ended(id)).toMatchObject({ status: "completed", exit_code: 0 });
  expect(await ended(first)).toMatchObject({ status: "failed" });
});

test("after a reboot the run is lost, and says so; the queue goes on", async () => {
  const id = await run("rebooted", { ...ENDLESS, save: { save_every: 20 } });
  const waiting = await run("goes on");
  await reaches(id, { last_checkpoint: { name: expect.any(String) } });
  const identity = await identityOf(id);
  await crash(async () => {
    signalAll(await sessionMembers(identity), "SIGKILL");
    rewrite("UPDATE jobs SET boot_id = 'the boot before' WHERE status = 'running'");
  });
  expect(await ended(id)).toMatchObject({
    status: "failed",
    exit_code: null,
    reason: expect.stringMatching(/^Lost: .*restarted/),
    hint: expect.stringContaining("resume: true"),
  });
  expect(await ended(waiting)).toMatchObject({ status: "completed" });
  expect(await subject.call("get_training_info")).toMatchObject({ active_jobs: 0, queued_jobs: 0 });
});

test("after a reboot another process with the old number is not touched", async () => {
  const id = await run("renumbered", ENDLESS);
  await training(id);
  const identity = await identityOf(id);
  const innocent = spawn("sleep", ["300"], { detached: true, stdio: "ignore" });
  onTestFinished(() => void innocent.kill("SIGKILL"));
  const other = await identify(innocent.pid ?? 0);
  await crash(async () => {
    signalAll(await sessionMembers(identity), "SIGKILL");
    rewrite(
      "UPDATE jobs SET boot_id = 'the boot before', pid = ?, start_ticks = ?, stop_requested_at = created_at WHERE id = ?",
      other.pid,
      other.startTicks ?? 0,
      id,
    );
  });
  await ended(id);
  expect(await isAlive(other)).toBe(true);
});

test("a shim that was killed alone leaves a run that goes on, over a restart, and is completed by what it wrote", async () => {
  const id = await run("shimless", { train: { steps: 120 }, rehearsal: { step_ms: 25 } });
  const { pid } = await training(id);
  const identity = await identityOf(id);
  process.kill(Number(pid), "SIGKILL");
  await vi.waitFor(async () => expect(await sessionMembers(identity)).not.toContain(pid), PATIENCE);
  await crash();
  expect(await status(id)).toMatchObject({ status: "running" });
  expect(await ended(id)).toMatchObject({
    status: "completed",
    exit_code: null,
    step: 120,
    last_checkpoint: { step: null },
  });
  expect(await readdir(join(subject.paths.jobs, id))).not.toContain("exit");
});
