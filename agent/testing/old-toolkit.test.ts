// A run of a toolkit that does not report, from start to end: all that is told of it was read in its log.
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { installToolkit } from "./old-toolkit.ts";
import { clear, newDataFolder, type Program, startProgram } from "./program.ts";
import { putRun, type Subject, subjectOf } from "./subject.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

let data: string;
let program: Program;
let subject: Subject;
beforeAll(async () => {
  data = await newDataFolder();
  await installToolkit(data, "2025-06-01");
  program = await startProgram({ data, args: ["--trainer", "ai-toolkit", "--stop-grace", "1"] });
  subject = subjectOf(program);
});
afterAll(async () => {
  await program?.close();
  await clear(data);
});

async function start(name: string, rehearsal: object): Promise<string> {
  await putRun(subject.paths, name, {
    train: { steps: 100, disable_sampling: false },
    save: { save_every: 50 },
    sample: { sample_every: 50, prompts: ["a cat", "a dog"] },
    rehearsal: { load_ms: 1_000, sample_ms: 500, save_ms: 800, step_ms: 40, ...rehearsal },
  });
  // What an owner of such a toolkit writes; it does not know today's type.
  const path = join(subject.paths.config, `${name}.yaml`);
  await writeFile(path, (await readFile(path, "utf8")).replace("diffusion_trainer", "sd_trainer"));
  return String((await subject.call("start_training", { config_name: name }))["job_id"]);
}

const PATIENCE = { timeout: 50_000, interval: 15 };

test("its log alone tells its phases, steps, losses and the time left", async () => {
  const job_id = await start("watched", {});
  const seen: Awaited<ReturnType<Subject["call"]>>[] = [];
  await vi.waitFor(async () => {
    seen.push(await subject.call("get_training_status", { job_id }));
    expect(seen.at(-1)).toMatchObject({ phase: "ended" });
  }, PATIENCE);
  const phases = new Set(seen.map(({ phase }) => phase));
  for (const phase of ["loading", "baseline_samples", "training", "saving", "sampling"]) {
    expect(phases).toContain(phase);
  }
  const steps = seen.map(({ step }) => Number(step));
  expect(steps).toEqual([...steps].sort((a, b) => a - b));
  const training = seen.filter(({ phase, eta_seconds }) => phase === "training" && eta_seconds !== null);
  expect(training.at(-1)).toMatchObject({
    info: null,
    trainer: "ai-toolkit",
    total_steps: 100,
    loss: expect.any(Number),
    lr: 1e-4,
    loss_stats: null,
    seconds_per_step: expect.any(Number),
    planned: { images_per_sampling: 2, seconds_per_sampling: expect.any(Number) },
    warnings: [],
  });
  expect(seen.at(-1)).toMatchObject({
    status: "completed",
    progress: 100,
    step: 100,
    last_checkpoint: { step: null },
    last_samples: { count: 2 },
  });
});

test("its NaN is told of, though it keeps no log of figures", async () => {
  const job_id = await start("sick", { fault: "nan-zeroed@5", step_ms: 5, load_ms: 0, sample_ms: 0 });
  await vi.waitFor(async () => {
    const { warnings } = await subject.call("get_training_status", { job_id });
    expect(warnings).toMatchObject([{ code: "nan_loss", message: expect.stringContaining("lately") }]);
  }, PATIENCE);
});
