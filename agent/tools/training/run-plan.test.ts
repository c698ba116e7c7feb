import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { type RunPlan, toCome, toRunPlan } from "./run-plan.ts";

const configOf = (process: unknown) => ({ config: { name: "x", process: [process] } });

test("the plan of the recorded run's config", async () => {
  const path = join(import.meta.dirname, "../../rehearsal/fixtures/config.yaml");
  expect(toRunPlan(parse(await readFile(path, "utf8")))).toEqual({
    saveEvery: 5,
    keep: expect.any(Number),
    sampleEvery: 5,
    sampleStart: 0,
    prompts: 2,
  });
});

test.each([
  [{}, { saveEvery: 1000, keep: 5, sampleEvery: null, prompts: 0 }],
  [{ save: { save_every: null, max_step_saves_to_keep: 0 } }, { saveEvery: null, keep: null }],
  [{ sample: { prompts: ["a", "b"] } }, { sampleEvery: 100, prompts: 2 }],
  [
    { sample: { samples: [{ prompt: "a" }], prompts: ["x", "y"], sample_every: 250 } },
    { sampleEvery: 250, prompts: 1 },
  ],
  [
    { sample: { prompts: ["a"] }, train: { disable_sampling: true } },
    { sampleEvery: null, prompts: 0 },
  ],
  [{ sample: { prompts: ["a"], sample_every: 0 } }, { sampleEvery: null, prompts: 1 }],
  [
    { save: null, sample: "nonsense", train: { disable_sampling: 0 } },
    { saveEvery: 1000, prompts: 0 },
  ],
])("of %j the trainer makes %j", (process, plan) => {
  expect(toRunPlan(configOf(process))).toMatchObject(plan);
});

test("a config that is none, or gone, has no plan", () => {
  expect(toRunPlan(null)).toBeUndefined();
  expect(toRunPlan({ config: { process: [] } })).toBeUndefined();
});

/** The loop of BaseSDTrainProcess.py, step by step. */
function simulated(plan: RunPlan, done: number, start: number, total: number) {
  const counts = { saves: 0, samplings: 0, both: 0 };
  for (let step = done; step < total; step++) {
    if (step === start) continue;
    const saves = plan.saveEvery !== null && step % plan.saveEvery === 0;
    const samples = plan.sampleEvery !== null && step >= plan.sampleStart && step % plan.sampleEvery === 0;
    if (saves && samples) counts.both += 1;
    else if (saves) counts.saves += 1;
    else if (samples) counts.samplings += 1;
  }
  return counts;
}

const NONE = { saved: new Set<number | null>(), sampled: new Set<number>() };

test("what is to come is what the trainer's loop will do, from every step of every plan", () => {
  for (const saveEvery of [null, 1, 4, 6, 10]) {
    for (const sampleEvery of [null, 1, 4, 9, 50]) {
      for (const [start, total] of [
        [0, 41],
        [0, 40],
        [20, 60],
      ] as const) {
        const plan: RunPlan = { saveEvery, sampleEvery, keep: 4, prompts: 2, sampleStart: start + 5 };
        for (let done = start; done <= total; done++) {
          expect(toCome(plan, { done, start, total, ...NONE })).toEqual({
            ...simulated(plan, done, start, total),
            finalSave: true,
            finalSampling: true,
          });
        }
      }
    }
  }
});

test("while it samples, the save of the same step is over; after the last step, so is the final one", () => {
  const plan: RunPlan = { saveEvery: 10, sampleEvery: 10, keep: 4, prompts: 1, sampleStart: 0 };
  const at = { ...NONE, start: 0, total: 30 };
  expect(toCome(plan, { ...at, done: 20, saved: new Set([10]) })).toMatchObject({ both: 1, samplings: 0 });
  expect(toCome(plan, { ...at, done: 20, saved: new Set([10, 20]) })).toMatchObject({
    both: 0,
    samplings: 1,
  });
  expect(toCome(plan, { ...at, done: 30, saved: new Set([20, null]) })).toEqual({
    saves: 0,
    samplings: 0,
    both: 0,
    finalSave: false,
    finalSampling: true,
  });
});

test("a sampling that is over is not to come any more, before its step is counted as done", () => {
  const plan: RunPlan = { saveEvery: 10, sampleEvery: 20, keep: 4, prompts: 1, sampleStart: 0 };
  const at = { ...NONE, start: 0, total: 60 };
  expect(toCome(plan, { ...at, done: 20, saved: new Set([10, 20]) })).toMatchObject({
    both: 1,
    samplings: 1,
  });
  expect(toCome(plan, { ...at, done: 20, saved: new Set([10, 20]), sampled: new Set([20]) })).toMatchObject({
    both: 1,
    samplings: 0,
  });
  expect(toCome(plan, { ...at, done: 60, saved: new Set([null]), sampled: new Set([60]) })).toMatchObject({
    finalSampling: false,
  });
});
