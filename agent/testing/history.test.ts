// What is kept of runs when things go wrong: the real program, killed and restarted.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Program, startProgram } from "./program.ts";
import { putRun, type RunBlocks, type Subject, subjectOf } from "./subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const PATIENCE = { timeout: 20_000, interval: 25 };
const args = ["--stop-grace", "1"];

let owner: Program;
let program: Program;
let subject: Subject;

beforeAll(async () => {
  owner = await startProgram({ args });
  program = owner;
  subject = subjectOf(program);
});
afterAll(async () => {
  if (program !== owner) await program?.close();
  await owner?.close();
});

async function run(config: string, blocks: RunBlocks, more: object = {}): Promise<string> {
  await putRun(subject.paths, config, blocks);
  return String((await subject.call("start_training", { config_name: config, ...more }))["job_id"]);
}

const reaches = (job_id: string, wanted: object) =>
  vi.waitFor(async () => {
    const status = await subject.call("get_training_status", { job_id });
    expect(status).toMatchObject(wanted);
    return status;
  }, PATIENCE);

test("a run that ended while no agent was there has its record afterwards", async () => {
  const job_id = await run("unseen", { train: { steps: 60 }, rehearsal: { step_ms: 10 } });
  await reaches(job_id, { phase: "training" });
  await program.kill9();
  program = await startProgram({ args, data: owner.data });
  subject = subjectOf({ ...program, data: owner.data });
  await reaches(job_id, { status: "completed" });
  expect(await subject.call("get_run_record", { job_id })).toMatchObject({
    status: "completed",
    step: 60,
    run_config: { config: { name: "unseen" } },
    loss: { last: expect.any(Number) },
  });
});

test("two runs that went on in one folder have each its own end, curves and checkpoints", async () => {
  const blocks = (steps: number): RunBlocks => ({
    train: { steps },
    save: { save_every: 20, max_step_saves_to_keep: 50 },
    rehearsal: { step_ms: 2 },
  });
  const first = await run("continued", blocks(1_000_000));
  await reaches(first, { last_checkpoint: { name: expect.any(String) } });
  await subject.call("stop_training", { job_id: first });
  const before = await subject.call("get_run_record", { job_id: first });
  const stoppedAt = Number(before["step"]);
  const second = await run("continued", blocks(stoppedAt + 60), { resume: true });
  await reaches(second, { status: "completed" });
  expect(await subject.call("get_run_record", { job_id: first })).toMatchObject({
    status: "stopped",
    step: stoppedAt,
    loss: before["loss"],
    checkpoints: before["checkpoints"],
  });
  const later = await subject.call("get_run_record", { job_id: second });
  const own = (later["checkpoints"] as { step: number | null }[]).map(({ step }) => step);
  expect(own.at(-1)).toBeNull();
  for (const { step } of before["checkpoints"] as { step: number }[]) expect(own).not.toContain(step);
  const { json } = await subject.execute("compare_runs", { job_ids: [first, second] });
  expect(json).toMatchObject({
    runs: [{ run: "continued (1)" }, { run: "continued (2)" }],
    config_differences: { "train.steps": [1_000_000, stoppedAt + 60] },
  });
});
