// `stop_training` with `save: true`, with real processes: what is saved, what is not and why, and who else may come by.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type Program, startProgram } from "./program.ts";
import { type RunBlocks, type Subject, subjectOf } from "./subject.ts";
import { ENDLESS, PATIENCE, storyOf } from "./training-story.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

let program: Program;
let subject: Subject;
let latest: Program;

const options = { env: { MCP_AI_TOOLKIT_STOP_GRACE: "2" } };
beforeAll(async () => {
  program = await startProgram(options);
  latest = program;
  subject = subjectOf(program);
});
afterAll(async () => {
  if (latest !== program) await latest?.close();
  await program?.close();
});

/** kill -9 for the agent, then a new one on the same data. */
async function crash(): Promise<void> {
  await latest.kill9();
  latest = await startProgram({ ...options, data: program.data });
  subject = subjectOf(latest);
}

const { run, started, status, reaches, ended, training, stop, logs } = storyOf(() => subject);
const save = (job_id: string) => stop(job_id, { save: true });

/** Steps so long that a request made now waits for the end of one. */
const slow = (step_ms: number, more: RunBlocks = {}): RunBlocks => ({
  ...ENDLESS,
  ...more,
  rehearsal: { step_ms, ...more.rehearsal },
});

test("a stop with a save saves first, says what it saved, and a resume goes on right there", async () => {
  const id = await run("saved", { ...ENDLESS, rehearsal: { step_ms: 5, save_ms: 300 } });
  await training(id);
  await reaches(id, { step: expect.toSatisfy((step: number) => step > 3) });
  const answer = await save(id);
  expect(answer).toMatchObject({
    job_id: id,
    status: "success",
    state: "stopped",
    saved_checkpoint: { name: expect.stringMatching(/^saved_\d{9}\.safetensors$/), step: expect.any(Number) },
    not_saved: null,
  });
  const { name, step } = answer["saved_checkpoint"] as { name: string; step: number };
  expect(step).toBeGreaterThan(3);
  expect(answer["resume_from_step"]).toBe(step);
  expect(answer["lost_steps"]).toEqual(expect.any(Number)); // what it trained until the stop reached it
  expect(await status(id)).toMatchObject({
    status: "stopped",
    last_checkpoint: { name, step },
    stop: { saved_checkpoint: { name, step }, not_saved: null, resume_from_step: step },
  });
  const again = await started("saved", { resume: true });
  await training(again);
  expect(await logs(again)).toContain(`Found step ${step} in metadata`);
  await stop(again);
});

test("a stop without one tells what is lost", async () => {
  const id = await run("unsaved", { ...ENDLESS, save: { save_every: 40 }, rehearsal: { step_ms: 5 } });
  await reaches(id, { step: expect.toSatisfy((step: number) => step > 50) });
  const answer = await stop(id);
  expect(answer).toMatchObject({ state: "stopped", saved_checkpoint: null, not_saved: null });
  const [from, lost] = [Number(answer["resume_from_step"]), Number(answer["lost_steps"])];
  expect(from % 40).toBe(0);
  expect(from).toBeGreaterThan(0);
  expect(await status(id)).toMatchObject({ step: from + lost });
});

test.each([
  ["loading", { load_ms: 60_000 }, "loading"],
  ["in its first step", { step_ms: 60_000 }, "training"],
])("while it is %s there is nothing to save, and that is said", async (_, rehearsal, phase) => {
  const id = await run(`early ${phase}`, { ...ENDLESS, rehearsal });
  await reaches(id, { phase });
  expect(await save(id)).toMatchObject({
    state: "stopped",
    saved_checkpoint: null,
    not_saved: expect.stringContaining("there was nothing to save"),
    resume_from_step: 0,
    lost_steps: 0,
  });
});

test("in the middle of a save, that one is waited for, and no other is asked for", async () => {
  const id = await run(
    "amid",
    slow(50, { save: { save_every: 20 }, rehearsal: { step_ms: 50, save_ms: 1_500 } }),
  );
  await reaches(id, { phase: "saving" });
  expect(await save(id)).toMatchObject({
    state: "stopped",
    saved_checkpoint: { name: "amid_000000020.safetensors", step: 20 },
    resume_from_step: 20,
  });
  expect((await logs(id)).match(/Saved checkpoint/g)).toHaveLength(1);
});

test("while samples are drawn, it saves after them", async () => {
  const id = await run("sampling", {
    ...ENDLESS,
    train: { steps: 1_000_000, disable_sampling: false, skip_first_sample: true },
    sample: { sample_every: 10, prompts: ["a cat", "a dog"] },
    rehearsal: { step_ms: 5, sample_ms: 800 },
  });
  await reaches(id, { phase: "sampling" });
  expect(await save(id)).toMatchObject({ state: "stopped", saved_checkpoint: { step: 11 } });
});

test("the answer does not wait for a slow step; the stop goes on, and a second one without save ends it at once", async () => {
  const id = await run("impatient", slow(60_000, { train: { steps: 100, start_step: 5 } }));
  await training(id);
  for (const answer of await Promise.all([save(id), save(id)])) {
    expect(answer).toMatchObject({ state: "stopping", saved_checkpoint: null, not_saved: null });
  }
  expect(await stop(id)).toMatchObject({
    state: "stopped",
    saved_checkpoint: null,
    not_saved: "A second stop asked not to wait for it",
  });
});

test("two stops at once, one with and one without a save, do not get in each other's way", async () => {
  const id = await run("both", ENDLESS);
  await training(id);
  const replies = await Promise.all([
    subject.execute("stop_training", { job_id: id, save: true }),
    subject.execute("stop_training", { job_id: id }),
    subject.execute("stop_training", { job_id: id, save: true }),
  ]);
  expect(replies.filter(({ success }) => success).length).toBeGreaterThan(0);
  expect(await ended(id)).toMatchObject({ status: "stopped" });
});

test("an agent that is killed while it waits for the checkpoint leaves the stop to the next one, save and all", async () => {
  const id = await run("handed over", slow(2_000, { train: { steps: 1_000 } }));
  const before = await reaches(id, { step: expect.toSatisfy((step: number) => step >= 1) });
  const asked = subject.execute("stop_training", { job_id: id, save: true }).catch(() => undefined); // cut off
  await reaches(id, { phase: "stopping" });
  await crash();
  await asked;
  const after = await ended(id);
  expect(after).toMatchObject({ status: "stopped", pid: null });
  const { saved_checkpoint } = after["stop"] as { saved_checkpoint: { step: number } };
  expect(saved_checkpoint.step).toBeGreaterThanOrEqual(Number(before["step"]));
  expect((await logs(id)).match(/Saved checkpoint/g)).toHaveLength(1);
});

test("a run that gets to its end meanwhile is completed, and its last file is what was saved", async () => {
  const id = await run("finishing", slow(2_000, { train: { steps: 2 } }));
  await reaches(id, { step: 1 });
  const answer = await save(id);
  // Taken at the end of step 2, the request gives a numbered file before the last one.
  expect(["stopped", "completed"]).toContain(answer["state"]);
  expect(answer).toMatchObject({ saved_checkpoint: { step: 2 }, resume_from_step: 2, lost_steps: 0 });
});

test("a stop that comes when all is done does not turn it into a stopped run", async () => {
  const id = await run("done", {
    train: { steps: 4, disable_sampling: false, skip_first_sample: true },
    sample: { prompts: ["a cat"], sample_every: 1_000 },
    rehearsal: { step_ms: 1, sample_ms: 1, fault: "slow-exit" },
  });
  await reaches(id, { info: "Training completed" });
  expect(await stop(id)).toMatchObject({ state: "completed", resume_from_step: 4, lost_steps: 0 });
  expect(await status(id)).toMatchObject({ status: "completed", reason: null });
});

test("a trainer that dies while it saves has failed, and nothing counts as saved", async () => {
  const id = await run("full", slow(5, { rehearsal: { step_ms: 5, save_ms: 200, fault: "disk-full@1" } }));
  await reaches(id, { step: expect.toSatisfy((step: number) => step > 2) });
  expect(await save(id)).toMatchObject({
    state: "failed",
    saved_checkpoint: null,
    not_saved: expect.stringContaining("ended before"),
    resume_from_step: 0,
  });
  expect((await status(id))["reason"]).toMatch(/disk is full/);
});

test("a job that waits is taken out of the queue as ever", async () => {
  const first = await run("ahead", ENDLESS);
  const second = await run("queued");
  expect(await save(second)).toMatchObject({ state: "stopped", saved_checkpoint: null, resume_from_step: 0 });
  await stop(first);
  await vi.waitFor(async () => expect(await status(second)).toMatchObject({ status: "stopped" }), PATIENCE);
});
