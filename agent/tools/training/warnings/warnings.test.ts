import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Gpu } from "../../../../shared/tools/system.ts";
import { WARNING_CODES } from "../../../../shared/tools/training.ts";
import { warningsOf } from "./index.ts";
import type { Watched } from "./watched.ts";

const GPU: Gpu = {
  index: 0,
  uuid: "GPU-0",
  name: "NVIDIA GeForce RTX 4090",
  utilization_percent: 97,
  memory_used_mib: 20_000,
  memory_total_mib: 24_564,
  temperature_c: 66,
  power_w: 412,
  power_limit_w: 450,
  throttling: ["power_cap"],
};

const losses = (...values: (number | null)[]) => values.map((value, step) => ({ step, value }));
const bar = (loss: string) =>
  `\rx:  50%|#####     | 6/12 [00:08<00:15,  2.17s/it, lr: 1.0e-04 loss: ${loss}]`;

/** A run that is well. */
const WELL: Watched = {
  trainer: "ai-toolkit",
  phase: "training",
  quietSeconds: 2,
  stepSeconds: 2,
  saveSeconds: 5,
  samplingSeconds: 60,
  losses: losses(...Array(100).fill(0.1)),
  blowUp: null,
  logHead: "Running 1 job\n",
  logTail: bar("1.261e+00"),
  disk: { freeBytes: 100, atEnd: 50, lowest: 40 },
  gpus: [GPU],
  gpu: GPU,
};

const codesOf = (given: Partial<Watched>) => warningsOf({ ...WELL, ...given }).map(({ code }) => code);

const BANNER = (n: number) =>
  `\n${"#".repeat(48)}\n# OOM during training step, skipping batch ${n}/3 #\n${"#".repeat(48)}\n`;
const IDLE: Gpu = { ...GPU, memory_used_mib: 4, utilization_percent: 0 };
const recorded = readFileSync(new URL("../fixtures/run.log", import.meta.url), "utf8");

test("a run that is well has no warnings", () => {
  expect(codesOf({})).toEqual([]);
});

describe.each<
  [(typeof WARNING_CODES)[number], Record<string, Partial<Watched>>, Record<string, Partial<Watched>>]
>([
  [
    "nan_loss",
    {
      "NaN in the log of figures": { losses: losses(0.1, 0.1, null) },
      "infinite in the log of figures": { losses: losses(0.1, Number.POSITIVE_INFINITY) },
      "the trainer says so and trains on with 0": {
        logTail: `${bar("1.0e-01")}loss is nan\n`,
        losses: losses(0.1, 0),
      },
      "said on a line of its own, without a log of figures": { logTail: "\nloss is nan\n\r", losses: [] },
      "in the bar": { logTail: bar("nan"), losses: [] },
      "a run that has ended": { phase: "ended", losses: losses(0.1, null) },
    },
    {
      "a NaN long ago": { losses: losses(null, ...Array(100).fill(0.1)) },
      "a loss of 0 nobody has called NaN": { losses: losses(0.1, 0) },
      "prior loss, which the trainer leaves out": { logTail: "Prior loss is nan\n" },
      "a prompt about it": { logTail: '  "a sign that says loss is nan",\n' },
    },
  ],
  [
    "stalled",
    {
      "no step for half an hour of two-second steps": { quietSeconds: 1_800 },
      "a slow run, after its own measure": { quietSeconds: 2_500, stepSeconds: 120 },
      "a download that hangs": { phase: "loading", quietSeconds: 4_000, stepSeconds: null },
      "sampling that never ends": { phase: "sampling", quietSeconds: 2_000 },
      "saving to a dead disk": { phase: "saving", quietSeconds: 2_000 },
    },
    {
      "four minutes between two steps of two seconds": { quietSeconds: 240 },
      "sampling between two steps": { phase: "sampling", quietSeconds: 900 },
      "long videos": { phase: "sampling", quietSeconds: 3_000, samplingSeconds: 1_500 },
      "a slow run": { quietSeconds: 2_000, stepSeconds: 120 },
      "a first step that is compiled": { quietSeconds: 2_000, stepSeconds: null },
      "a model that is loaded from a slow disk": { phase: "loading", quietSeconds: 2_000, stepSeconds: null },
      "caching a long video": { phase: "caching", quietSeconds: 1_200, stepSeconds: null },
      "a stop that takes its time": { phase: "stopping", quietSeconds: 9_000 },
      "a job in the queue": { phase: "queued", quietSeconds: null },
      "a run that has ended": { phase: "ended", quietSeconds: 9_000 },
      "a clock that was set back": { quietSeconds: -3_600 },
    },
  ],
  [
    "disk_forecast",
    { "too small for what is planned": { disk: { freeBytes: 100, atEnd: -1, lowest: -50 } } },
    {
      "room enough": { disk: { freeBytes: 100, atEnd: 0, lowest: 0 } },
      "nothing measured yet": { disk: undefined },
    },
  ],
  [
    "gpu_missing",
    {
      "torch finds no CUDA": {
        phase: "loading",
        stepSeconds: null,
        logHead:
          "W1122 16:21:12.548000 29321 torch/utils/cpp_extension.py:183] No CUDA runtime is found, using CUDA_HOME='/usr/local'\n",
      },
      "steps are done while the GPU does nothing": { gpu: IDLE, gpus: [IDLE] },
      "and on a machine with several, all do nothing": {
        gpu: undefined,
        gpus: [IDLE, { ...IDLE, index: 1 }],
      },
    },
    {
      "a machine without GPU": {
        gpus: [],
        gpu: undefined,
        logHead: "No CUDA runtime is found, using CUDA_HOME='/usr/local'",
      },
      "a rehearsal": { trainer: "rehearsal", gpu: IDLE, gpus: [IDLE] },
      "a GPU that rests between two steps": { gpu: { ...GPU, utilization_percent: 0 } },
      "a run that is still loading": { phase: "loading", gpu: IDLE, gpus: [IDLE], stepSeconds: null },
      "a driver that does not tell": { gpu: { ...IDLE, memory_used_mib: null } },
      "another GPU that does nothing": { gpu: undefined, gpus: [GPU, { ...IDLE, index: 1 }] },
    },
  ],
  [
    "loss_blow_up",
    { "out of its band": { blowUp: { now: 1.5, usual: 0.1 } } },
    { "within its band": { blowUp: null } },
  ],
  [
    "out_of_memory",
    {
      "a skipped batch": { logTail: BANNER(1) + bar("1.2e-01") },
      "two in a row": { logTail: BANNER(1) + BANNER(2) },
    },
    { "the recorded run": { logTail: recorded } },
  ],
  [
    "gpu_throttling",
    {
      heat: { gpu: { ...GPU, throttling: ["power_cap", "thermal"] } },
      "the power supply": { gpu: { ...GPU, throttling: ["power_brake"] } },
    },
    {
      "its power limit, where it belongs": { gpu: { ...GPU, throttling: ["power_cap"] } },
      "a driver that does not tell": { gpu: { ...GPU, throttling: null } },
      "another GPU": { gpu: undefined, gpus: [{ ...GPU, throttling: ["thermal"] }, GPU] },
    },
  ],
])("%s", (code, cases, others) => {
  test.each(Object.entries(cases))("is told: %s", (_, given) => {
    expect(codesOf(given)).toEqual([code]);
  });
  test.each(Object.entries(others))("is not told: %s", (_, given) => {
    expect(codesOf(given)).toEqual([]);
  });
});

test("each is one short sentence and a hint", () => {
  const ill: Watched = {
    ...WELL,
    losses: losses(null),
    blowUp: { now: 1.234567, usual: 0.0123456 },
    quietSeconds: 9_000,
    logTail: BANNER(1) + BANNER(2),
    disk: { freeBytes: 123e9, atEnd: -123e9, lowest: -124e9 },
    gpu: { ...IDLE, throttling: ["thermal"] },
  };
  const warnings = warningsOf(ill);
  expect(warnings.map(({ code }) => code)).toEqual([...WARNING_CODES]);
  for (const { message, hint } of warnings) {
    expect(message).toMatch(/^[A-Z].*\.$/);
    expect(message.length).toBeLessThan(200);
    expect(hint.length).toBeLessThan(240);
  }
});
