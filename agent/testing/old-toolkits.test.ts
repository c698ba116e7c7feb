// Toolkits that cannot be asked, or only for some things: they are started, watched by their log, stopped by signals,
// and judged by what they leave.
import { rm } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { installToolkit } from "./old-toolkit.ts";
import { clear, newDataFolder, type Program, startProgram } from "./program.ts";
import { type RunBlocks, type Subject, subjectOf } from "./subject.ts";
import { storyOf } from "./training-story.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

function opened(day: string) {
  const at: { subject?: Subject } = {};
  let program: Program;
  let data: string;
  beforeAll(async () => {
    data = await newDataFolder();
    await installToolkit(data, day);
    program = await startProgram({ data, args: ["--trainer", "ai-toolkit", "--stop-grace", "3"] });
    at.subject = subjectOf(program);
  });
  afterAll(async () => {
    await program?.close();
    await clear(data);
    await rm(data, { recursive: true, force: true });
  });
  const subject = () => {
    if (!at.subject) throw new Error("not started yet");
    return at.subject;
  };
  return { subject, ...storyOf(subject) };
}

const ENDLESS: RunBlocks = { train: { steps: 1_000_000 } };

describe("before September 2025: nothing reports", () => {
  const { subject, run, ended, reaches, stop, status, identityOf, gone, logs } = opened("2025-06-01");

  test.each(["sd_trainer", "diffusion_trainer"])(
    "a %s config is trained, watched and completed",
    async (type) => {
      const id = await run(`whole ${type}`, { type, train: { steps: 60 }, save: { save_every: 20 } });
      await reaches(id, { phase: "training", step: expect.toSatisfy((step: number) => step > 5) });
      expect(await ended(id)).toMatchObject({
        status: "completed",
        exit_code: 0,
        progress: 100,
        step: 60,
        last_checkpoint: { step: null },
      });
    },
  );

  test("a stop is an interrupt, after which nothing is left; the exit by signal is no failure", async () => {
    const id = await run("stopped", { ...ENDLESS, save: { save_every: 20 }, dataset: { num_workers: 2 } });
    await reaches(id, { last_checkpoint: { name: expect.any(String) } });
    const identity = await identityOf(id);
    const answer = await stop(id);
    expect(answer).toMatchObject({ state: "stopped", saved_checkpoint: null, not_saved: null });
    expect(Number(answer["resume_from_step"]) % 20).toBe(0);
    expect(await status(id)).toMatchObject({
      status: "stopped",
      exit_code: 130,
      reason: "Stopped on request",
    });
    expect(await logs(id)).toContain("KeyboardInterrupt");
    await gone(identity);
  });

  test("a save in progress is finished before the interrupt, though only the log tells of it", async () => {
    const id = await run("saving", {
      ...ENDLESS,
      save: { save_every: 30 },
      rehearsal: { step_ms: 20, save_ms: 1_500 },
    });
    await vi.waitFor(async () => expect(await logs(id)).toContain("Saving at step 30"), 20_000);
    expect(await stop(id)).toMatchObject({ state: "stopped", resume_from_step: 30 });
    expect(await logs(id)).toContain("Saved checkpoint to");
  });

  test("what it cannot be asked is refused, saying what it lacks; the run goes on", async () => {
    const id = await run("asked", ENDLESS);
    await reaches(id, { phase: "training" });
    const asked = [
      ["save_checkpoint_now", {}],
      ["sample_now", {}],
      ["stop_training", { save: true }],
    ] as const;
    for (const [tool, more] of asked) {
      const reply = await subject().execute(tool, { job_id: id, ...more });
      expect(reply, tool).toMatchObject({ status: 409, success: false, code: "conflict" });
      expect(reply.error, tool).toMatch(/does not report: its ai-toolkit is older than 2025-09-16/);
      expect(reply.hint, tool).toMatch(/Update ai-toolkit|without save/);
    }
    expect(await status(id)).toMatchObject({ status: "running", stop: null });
    await stop(id);
  });

  test("one that fails has failed, with its own words", async () => {
    const id = await run("broken", { rehearsal: { fault: "crash@3" } });
    expect(await ended(id)).toMatchObject({
      status: "failed",
      exit_code: 1,
      reason: expect.stringContaining("illegal memory access"),
    });
  });
});

describe("June 2026: it reports and saves, but draws no samples on request", () => {
  const { subject, run, reaches, stop, training, status } = opened("2026-06-30");

  test("a stop saves first", async () => {
    const id = await run("saved", ENDLESS);
    await training(id);
    await reaches(id, { step: expect.toSatisfy((step: number) => step > 2) });
    expect(await stop(id, { save: true })).toMatchObject({
      state: "stopped",
      saved_checkpoint: { name: expect.stringMatching(/^saved_/) },
    });
    expect(await status(id)).toMatchObject({ status: "stopped", exit_code: expect.toBeOneOf([1, 130]) });
  });

  test("samples on request are refused by name", async () => {
    const id = await run("unsampled", ENDLESS);
    await training(id);
    const reply = await subject().execute("sample_now", { job_id: id });
    expect(reply).toMatchObject({ status: 409, code: "conflict" });
    expect(reply.error).toContain("its ai-toolkit is older than 2026-07-17 and knows no sample_now");
    await stop(id);
  });
});
