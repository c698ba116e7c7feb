// Trainers that leave something behind, say nothing, or say far too much.
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { identify, isAlive, type ProcessIdentity } from "../tools/training/process.ts";
import { type Program, startProgram } from "./program.ts";
import { type Subject, subjectOf } from "./subject.ts";
import { ENDLESS, PATIENCE, storyOf } from "./training-story.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 30_000 });

const FLOOD_MB = 256;
/** Far below the flood, far above what reading pieces of it takes. */
const GROWTH_MB = 64;

let program: Program;
let subject: Subject;
beforeAll(async () => {
  program = await startProgram({
    args: ["--stop-grace", "2"],
    // The whole flood is looked at here; how a log is capped has tests of its own.
    env: { REHEARSAL_FLOOD_MB: String(FLOOD_MB), MCP_AI_TOOLKIT_LOG_MAX_MB: String(2 * FLOOD_MB) },
  });
  subject = subjectOf(program);
});
afterAll(() => program?.close());

const { run, ended, training, stop, status, reaches, logs, identityOf } = storyOf(() => subject);

/** Everything whose parent is this process. */
async function childrenOf(pid: number): Promise<ProcessIdentity[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return await Promise.all(
    text
      .trim()
      .split(" ")
      .filter(Boolean)
      .map((child) => identify(Number(child))),
  );
}

const WORKERS = { dataset: { num_workers: 2 } };

test.each([
  ["is stopped", ENDLESS, "stopped"],
  ["is completed", { train: { steps: 40 }, rehearsal: { step_ms: 30 } }, "completed"],
  ["dies", { train: { steps: 60 }, rehearsal: { step_ms: 30 } }, "failed"],
] as const)("workers that left the session are gone once their run %s", async (_, blocks, verdict) => {
  const fault = "escapes";
  const id = await run(`escaped ${verdict}`, {
    ...WORKERS,
    ...blocks,
    rehearsal: { ...blocks.rehearsal, fault },
  });
  await training(id);
  const [trainer] = await childrenOf((await identityOf(id)).pid);
  const workers = await vi.waitFor(async () => {
    const found = await childrenOf(trainer?.pid ?? 0);
    expect(found).toHaveLength(2);
    return found;
  }, PATIENCE);
  if (verdict === "stopped") await stop(id);
  if (verdict === "failed") process.kill(trainer?.pid ?? 0, "SIGKILL");
  expect(await ended(id)).toMatchObject({ status: verdict });
  expect(await Promise.all(workers.map(isAlive))).toEqual([false, false]);
});

test("an end without a word is a failure with what there is to say", async () => {
  const id = await run("silent", { rehearsal: { fault: "silent@3" } });
  expect(await ended(id)).toMatchObject({
    status: "failed",
    exit_code: 1,
    reason: expect.stringContaining("did not say why"),
    hint: expect.stringContaining("get_training_logs"),
  });
});

/** The most memory the agent has ever had, in MiB. */
async function peakMb(): Promise<number> {
  const text = await readFile(`/proc/${program.pid}/status`, "utf8");
  return Number(/VmHWM:\s+(\d+) kB/.exec(text)?.[1]) / 1024;
}

test(`${FLOOD_MB} MB of output do not show in the agent's memory, and are watched all the while`, async () => {
  const id = await run("flood", { rehearsal: { fault: "floods@3" } });
  await reaches(id, { status: "running" });
  await logs(id);
  const before = await peakMb();
  let looks = 0;
  while ((await status(id))["phase"] !== "ended") {
    await logs(id, 1_000);
    looks++;
  }
  expect(looks).toBeGreaterThan(0);
  expect(await status(id)).toMatchObject({ status: "completed", exit_code: 0, progress: 100 });
  const { log_bytes } = await subject.call("get_training_logs", { job_id: id, lines: 1 });
  expect(Number(log_bytes)).toBeGreaterThan(FLOOD_MB * 1024 * 1024);
  expect((await peakMb()) - before).toBeLessThan(GROWTH_MB);
});
