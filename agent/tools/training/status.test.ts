import { mkdir, truncate, utimes } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";
import type { Gpu } from "../../../shared/tools/system.ts";
import { getTrainingStatus, WARNING_CODES } from "../../../shared/tools/training.ts";
import { openRun, type RunOptions, type WatchedRun } from "./fixtures/watched-run.ts";

const START = new Date("2026-09-01T10:00:00.000Z");
const startS = START.getTime() / 1000;
const at = (seconds: number) => new Date((startS + seconds) * 1000);

const gpu = (index: number, more: Partial<Gpu> = {}): Gpu => ({
  index,
  uuid: `GPU-5c2d2c1e-7a9c-3b1c-9f0e-2b8f0d6f1a1${index}`,
  name: "NVIDIA GeForce RTX 4090",
  utilization_percent: 97,
  memory_used_mib: 20_000,
  memory_total_mib: 24_564,
  temperature_c: 66,
  power_w: 412.31,
  power_limit_w: 450,
  throttling: ["power_cap"],
  ...more,
});

const PLAN = {
  save: { save_every: 100, max_step_saves_to_keep: 4 },
  sample: { sample_every: 100, prompts: ["a", "b", "c"] },
};

const open = (options: Partial<RunOptions> = {}) =>
  openRun({ steps: 1_000, startedAt: START, process: PLAN, ...options });

/** Steps of two seconds; at every hundredth a save and a sampling take 10 s and 30 s more. */
function rowsUntil(last: number, loss: (step: number) => number | null = () => 0.1) {
  return Array.from({ length: last }, (_, index) => {
    const step = index + 1;
    return { step, wallTime: startS + 2 * step + 40 * Math.floor(step / 100), loss: loss(step) };
  });
}

async function putRound(run: WatchedRun, step: number, seconds: number): Promise<void> {
  for (const index of [0, 1, 2]) {
    const ms = at(seconds + 10 * index).getTime();
    await run.put(join("samples", `${ms}__${String(step).padStart(9, "0")}_${index}.jpg`), "x".repeat(100));
  }
}

async function putCheckpoint(
  run: WatchedRun,
  step: number | null,
  seconds: number,
  name = "run",
): Promise<string> {
  const number = step === null ? "" : `_${String(step).padStart(9, "0")}`;
  const path = await run.put(`${name}${number}.safetensors`, "x".repeat(1_000));
  await utimes(path, at(seconds), at(seconds));
  return path;
}

test("a run in its middle: everything in one answer, and nothing made up", async () => {
  const run = await open();
  run.report({ step: 251 });
  run.logSteps(rowsUntil(250, (step) => 1 - step / 1_000));
  await putCheckpoint(run, 100, 2 * 100 + 10);
  await putCheckpoint(run, 200, 2 * 200 + 40 + 10);
  await putRound(run, 200, 2 * 200 + 40 + 20);
  await run.print("\rrun:  25%|##5       | 251/1000 [08:20<24:58,  2.00s/it, lr: 1.0e-04 loss: 7.500e-01]");
  const now = 2 * 250 + 80 + 1;
  await utimes(run.logPath, at(now), at(now));
  const status = await run.reader(() => at(now), [gpu(0)]).status(run.job());
  expect(v.parse(getTrainingStatus.output, status)).toEqual(status);
  const left = 749 * 2 + 8 * 10 + 8 * 30 - 1;
  expect(status).toEqual({
    job_id: "job",
    origin: "agent",
    config: "run",
    status: "running",
    phase: "training",
    step: 251,
    total_steps: 1_000,
    created_at: START.toISOString(),
    started_at: START.toISOString(),
    finished_at: null,
    exit_code: null,
    reason: null,
    queue_position: null,
    held: false,
    waiting_for: null,
    expected_start: null,
    progress: 25,
    loss: 0.75,
    lr: 0.0001,
    seconds_per_step: 2,
    eta_seconds: left,
    finish_at: at(now + left).toISOString(),
    info: "Training",
    last_checkpoint: { name: "run_000000200.safetensors", step: 200 },
    samples: 3,
    pid: null,
    hint: null,
    next_poll_seconds: 91,
    stop: null,
    warnings: [],
    loss_stats: {
      last: 0.75,
      smoothed: expect.closeTo(0.78, 1),
      trend: "falling",
      change_percent: expect.toSatisfy((percent: number) => percent < 0),
      min: { value: 0.75, step: 250 },
    },
    steps_per_minute: 30,
    planned: {
      saves: 8,
      samplings: 8,
      images_per_sampling: 3,
      seconds_per_save: 10,
      seconds_per_sampling: 30,
    },
    last_samples: { step: 200, count: 3, names: expect.arrayContaining([expect.stringContaining("_0.jpg")]) },
    gpu: {
      index: 0,
      uuid: gpu(0).uuid,
      name: "NVIDIA GeForce RTX 4090",
      utilization_percent: 97,
      vram_used_mib: 20_000,
      vram_total_mib: 24_564,
      temperature_c: 66,
      power_w: 412.31,
      throttling: ["power_cap"],
    },
    disk: { free_bytes: expect.any(Number), forecast_bytes_at_end: expect.any(Number) },
    last_log_line: null,
    machine: "box",
    trainer: "ai-toolkit",
    as_of: at(now).toISOString(),
  });
  const { disk } = status;
  // Two more checkpoints until four are kept, the final file, and eight times three samples.
  expect(Number(disk?.free_bytes) - Number(disk?.forecast_bytes_at_end)).toBe(3 * 1_000 + 8 * 3 * 100);
});

test("an estimate ticks down between two steps, and holds when one is late", async () => {
  const run = await open({ process: {} });
  run.report({ step: 101 });
  run.logSteps(rowsUntil(50));
  let now = 2 * 50;
  const reader = run.reader(() => at(now));
  const eta = async () => (await reader.status(run.job())).eta_seconds;
  const first = Number(await eta());
  now += 1;
  expect(await eta()).toBe(first - 1);
  now += 100;
  expect(await eta()).toBe(first - 2);
});

test("before five measured steps there is no estimate", async () => {
  const run = await open();
  run.report({ step: 6 });
  run.logSteps(rowsUntil(5));
  const reader = run.reader(() => at(12));
  expect(await reader.status(run.job())).toMatchObject({
    eta_seconds: null,
    seconds_per_step: null,
    finish_at: null,
  });
  run.logSteps(rowsUntil(6).slice(5));
  expect(await reader.status(run.job())).toMatchObject({
    eta_seconds: expect.any(Number),
    seconds_per_step: 2,
  });
});

test("while it waits, loads and caches, what is known is known and the rest is null", async () => {
  const run = await open();
  run.report({ info: "Loading T5", step: 0 });
  await run.print("Loading T5\n\rFetching 5 files:  40%|████      | 2/5 [00:09<00:14,  4.80s/it]");
  const status = await run.reader(() => at(60)).status(run.job());
  expect(status).toMatchObject({
    phase: "loading",
    info: "Loading T5",
    last_log_line: "Fetching 5 files:  40%|████      | 2/5 [00:09<00:14,  4.80s/it]",
    step: 0,
    loss: null,
    loss_stats: null,
    eta_seconds: null,
    gpu: null,
    last_samples: null,
    planned: { saves: 10, samplings: 10, seconds_per_save: null, seconds_per_sampling: null },
    disk: { free_bytes: expect.any(Number), forecast_bytes_at_end: null },
    next_poll_seconds: 10,
    warnings: [],
  });
});

test.each([
  ["Starting", 0, "starting"],
  ["Quantizing transformer", 0, "loading"],
  ["  - fetching transformer weights", 0, "loading"],
  ["Loading dataset", 0, "caching"],
  ["Generating images - 0/3", 0, "baseline_samples"],
  ["Training", 7, "training"],
  ["Saving model", 100, "saving"],
  ["Generating images - 2/3", 100, "sampling"],
  ["Moving transformer to CPU", 100, "training"],
  ["Moving transformer to CPU", 1_000, "saving"],
])("the trainer's word '%s' at step %i is phase %s", async (info, step, phase) => {
  const run = await open();
  run.report({ info, step });
  expect(await run.reader(() => at(5)).status(run.job())).toMatchObject({ phase });
});

// Seen with the real trainer: it says "Training" as soon as all is loaded, and again after the last sampling.
test.each([
  ["before the model is compiled", 0, "Compiling model with torch.compile\n", "loading"],
  ["before its baseline samples", 0, "Generating baseline samples before training\n", "baseline_samples"],
  [
    "in its first step",
    0,
    "\n\rGenerating Images: 100%|#| 2/2 [00:01<00:00]\rrun:   0%|          | 0/1000 [00:00<?, ?it/s]",
    "training",
  ],
  ["where its log tells nothing", 0, "", "training"],
  ["before its last save", 1_000, "\rrun: 100%|##########| 1000/1000 [09:00<00:00,  1.9it/s]\n", "saving"],
  ["between the last save and the last samples", 1_000, "Saved checkpoint to /o/run.safetensors\n", "saving"],
  ["while it puts all away", 1_000, "\rGenerating Images: 100%|#| 3/3 [00:09<00:00,  3.0s/it]\n", "stopping"],
])("a trainer that says 'Training' %s is not taken at its word", async (_, step, log, phase) => {
  const run = await open();
  run.report({ info: "Training", step });
  await run.print(log);
  const reader = run.reader(() => at(5));
  expect(await reader.status(run.job())).toMatchObject({ phase });
  expect(await reader.summary(run.job())).toMatchObject({ phase });
});

test("once its samples are drawn, a sampling is not to come any more", async () => {
  const run = await open();
  run.report({ step: 1_000 });
  await run.print("\rGenerating Images: 100%|#| 3/3 [00:09<00:00,  3.0s/it]\n");
  await putCheckpoint(run, null, 2_000);
  await putRound(run, 1_000, 2_010);
  expect(await run.reader(() => at(2_040)).status(run.job())).toMatchObject({
    planned: { saves: 0, samplings: 0 },
  });
});

test("the bracket that closes the config's echo is no news, and a loss has no more digits than it means", async () => {
  const run = await open();
  run.report({ info: "Starting" });
  await run.print('    "name": "run"\n}\n');
  run.logSteps([{ step: 1, wallTime: startS + 2, loss: 1.1498585939407349 }]);
  expect(await run.reader(() => at(5)).status(run.job())).toMatchObject({
    last_log_line: '    "name": "run"',
    loss: 1.1499,
  });
});

test("a trainer that has said its last word is ending", async () => {
  const run = await open();
  run.report({ status: "completed", info: "Training completed", step: 1_000 });
  expect(await run.reader(() => at(5)).status(run.job())).toMatchObject({
    phase: "stopping",
    status: "running",
  });
});

test("a run that is being stopped has done the steps it has done, though its trainer goes back to the last checkpoint", async () => {
  const run = await open();
  run.report({ status: "stopped", info: "Job stopped", step: 200 });
  await run.print("\rrun:  25%|##5       | 250/1000 [08:20<25:00,  2.00s/it, lr: 1.0e-04 loss: 7.500e-01]");
  const reader = run.reader(() => at(510));
  expect(await reader.status(run.job())).toMatchObject({ phase: "stopping", step: 250 });
  expect(await reader.summary(run.job())).toMatchObject({ step: 250 });
});

test("a run that goes on from a checkpoint is at its step while it loads", async () => {
  const run = await open({ firstStep: 600 });
  run.report({ info: "Loading model", step: 0 });
  expect(await run.reader(() => at(5)).status(run.job())).toMatchObject({
    step: 600,
    progress: 60,
    planned: { saves: 4, samplings: 4 },
  });
});

test("a toolkit that neither reports nor logs figures is read by its bar", async () => {
  const run = await open({ process: {} });
  await run.print(
    "Running 1 job\n\rrun:  25%|##5       | 250/1000 [08:20<25:00,  2.00s/it, lr: 1.0e-04 loss: 7.500e-01]",
  );
  expect(await run.reader(() => at(500)).status(run.job())).toMatchObject({
    phase: "training",
    step: 250,
    progress: 25,
    loss: 0.75,
    lr: 0.0001,
    loss_stats: null,
    seconds_per_step: 2,
    eta_seconds: 1_500,
  });
});

test("where only every hundredth step is logged the bar's loss is the newest", async () => {
  const run = await open({ process: {} });
  run.report({ step: 251 });
  run.logSteps(rowsUntil(200).filter(({ step }) => step % 100 === 0));
  const bar = (step: number) =>
    `\rrun:  25%|##5       | ${step}/1000 [08:20<25:00,  2.00s/it, lr: 1.0e-04 loss: 7.500e-01]`;
  const loss = async () => (await run.reader(() => at(500)).status(run.job())).loss;
  await run.print(bar(201));
  expect(await loss()).toBe(0.1);
  await run.print(bar(251));
  expect(await loss()).toBe(0.75);
});

test("the GPU is the one the queue gave, the only one, or unknown", async () => {
  const run = await open();
  const indexOf = async (given: string | undefined, gpus: readonly Gpu[]) =>
    (await run.reader(() => at(5), gpus, given).status(run.job())).gpu?.index ?? null;
  expect(await indexOf(gpu(1).uuid, [gpu(0), gpu(1)])).toBe(1);
  expect(await indexOf(undefined, [gpu(0)])).toBe(0);
  expect(await indexOf(undefined, [gpu(0), gpu(1)])).toBeNull();
});

test("a run that has ended tells of itself, not of the one that went on in its folder", async () => {
  const run = await open();
  run.logSteps(rowsUntil(300, (step) => (step <= 150 ? 0.5 : 0.2)));
  await putCheckpoint(run, 100, 250);
  await putCheckpoint(run, 200, 450);
  await putRound(run, 100, 260);
  await putRound(run, 200, 460);
  run.store.finish("job", {
    status: "stopped",
    exit_code: 0,
    final_step: 151,
    reason: "Stopped on request",
    hint: "resume",
    finished_at: at(2 * 150 + 40).toISOString(),
  });
  expect(await run.reader(() => at(9_000), [gpu(0)]).status(run.job())).toMatchObject({
    phase: "ended",
    step: 151,
    loss: 0.5,
    loss_stats: { last: 0.5, min: { value: 0.5 } },
    last_checkpoint: { step: 100 },
    last_samples: { step: 100, count: 3 },
    samples: 3,
    gpu: null,
    disk: null,
    planned: null,
    eta_seconds: null,
    next_poll_seconds: null,
    warnings: [],
  });
});

test("a resumed run counts its own steps and keeps the curve of the whole", async () => {
  const run = await open({ startedAt: at(10_000) });
  run.logSteps(rowsUntil(200, (step) => (step === 50 ? 0.01 : 0.1)));
  run.report({ step: 204 });
  run.logSteps(
    [201, 202, 203].map((step) => ({ step, wallTime: startS + 10_000 + 60 + 2 * step, loss: 0.1 })),
  );
  expect(await run.reader(() => at(10_500)).status(run.job())).toMatchObject({
    eta_seconds: null,
    loss_stats: { min: { value: 0.01, step: 50 } },
    planned: { saves: 8, samplings: 8 },
  });
});

test("the lowest loss stays right when a resumed run takes steps back", async () => {
  const run = await open();
  run.logSteps(rowsUntil(100, (step) => (step === 90 ? 0.01 : 0.1)));
  const reader = run.reader(() => at(500));
  expect((await reader.status(run.job())).loss_stats?.min).toEqual({ value: 0.01, step: 90 });
  run.dropSteps(50);
  expect((await reader.status(run.job())).loss_stats?.min).toEqual({ value: 0.1, step: 1 });
  run.logSteps(rowsUntil(120, () => 0.05).slice(50));
  expect((await reader.status(run.job())).loss_stats?.min).toEqual({ value: 0.05, step: 51 });
});

test("a loss that blows up is told while it goes on, and the run's own band is what it is measured by", async () => {
  const run = await open({ process: {} });
  run.report({ step: 401 });
  run.logSteps(rowsUntil(400, (step) => (step > 350 ? 2 : 0.1 + (step % 7) / 100)));
  const now = 2 * 400 + 160;
  await utimes(run.logPath, at(now), at(now));
  const { warnings } = await run.reader(() => at(now)).status(run.job());
  expect(warnings).toEqual([
    { code: "loss_blow_up", message: expect.stringContaining("about 2 "), hint: expect.any(String) },
  ]);
});

test("a NaN that the trainer logs as 0 is no loss", async () => {
  const run = await open({ process: {} });
  run.report({ step: 101 });
  run.logSteps(rowsUntil(100, (step) => (step > 95 ? 0 : 0.1)));
  await run.print("loss is nan\n".repeat(5));
  await utimes(run.logPath, at(240), at(240));
  expect(await run.reader(() => at(240)).status(run.job())).toMatchObject({
    loss: null,
    loss_stats: { last: null, smoothed: 0.1, min: { value: 0.1 } },
    warnings: [{ code: "nan_loss", message: expect.stringContaining("in 5 of the last") }],
  });
});

test("the folders that a full fine-tune saves count with all that is in them", async () => {
  const run = await open();
  run.report({ step: 151 });
  run.logSteps(rowsUntil(150));
  const folder = join(run.output, "run_000000100");
  await mkdir(join(folder, "transformer"), { recursive: true });
  await run.put("run_000000100/model_index.json", "x".repeat(50));
  await run.put("run_000000100/transformer/diffusion.safetensors", "x".repeat(950));
  const { disk, last_checkpoint } = await run.reader(() => at(400)).status(run.job());
  expect(last_checkpoint).toEqual({ name: "run_000000100", step: 100 });
  // Three more until four are kept, and the final one.
  expect(Number(disk?.free_bytes) - Number(disk?.forecast_bytes_at_end)).toBe(4 * 1_000);
});

/** No tokenizer makes more than one token of three characters of such JSON. */
const CHARS_A_TOKEN = 3;

test("the fullest answer stays below 1,500 tokens", async () => {
  const name = "n".repeat(200);
  const run = await open({ name, steps: 1_000_000 });
  run.report({ info: "Training", step: 999_999 });
  const rows = rowsUntil(700, (step) => (step === 690 ? null : step > 620 ? 123.456_789 : 0.123_456_789));
  run.logSteps(rows);
  for (const step of [100, 200, 300, 400, 600]) {
    const path = await putCheckpoint(run, step, 2 * step + 100, name);
    await truncate(path, 2 ** 40); // sparse
    await utimes(path, at(2 * step + 100), at(2 * step + 100));
    await putRound(run, step, 2 * step + 110);
  }
  await run.print(`${"#".repeat(48)}\n# OOM during training step, skipping batch 3/3 #\n${"#".repeat(48)}\n`);
  await utimes(run.logPath, at(2_000), at(2_000));
  const throttled = gpu(0, {
    name: "NVIDIA RTX 6000 Ada Generation Laptop GPU",
    memory_used_mib: 12,
    utilization_percent: 0,
    throttling: ["power_cap", "thermal", "power_brake", "hardware"],
  });
  const job = { ...run.job(), reason: "r".repeat(450), hint: "h".repeat(250) };
  const status = await run.reader(() => at(900_000), [throttled]).status(job);
  expect(status.warnings.map((each) => (typeof each === "string" ? each : each.code))).toEqual([
    ...WARNING_CODES,
  ]);
  expect(status).toMatchObject({
    loss_stats: { min: {} },
    last_samples: { count: 3 },
    planned: {},
    disk: {},
  });
  expect(JSON.stringify(status).length / CHARS_A_TOKEN).toBeLessThan(1_500);
});
