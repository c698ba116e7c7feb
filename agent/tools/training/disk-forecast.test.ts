import { expect, test } from "vitest";
import { type DiskFacts, forecastDisk } from "./disk-forecast.ts";
import type { RunPlan, ToCome } from "./run-plan.ts";

const PLAN: RunPlan = { saveEvery: 100, keep: 4, sampleEvery: 100, sampleStart: 0, prompts: 2 };
const NOTHING: ToCome = { saves: 0, samplings: 0, both: 0, finalSave: false, finalSampling: false };
const file = (step: number | null, bytes = 100) => ({ step, bytes });

const forecast = (given: Partial<DiskFacts>) =>
  forecastDisk({
    freeBytes: 1_000,
    plan: PLAN,
    toCome: NOTHING,
    checkpoints: [file(100)],
    sampleBytes: null,
    ...given,
  });

test("before the first checkpoint nobody knows how large it will be", () => {
  expect(forecast({ checkpoints: [], toCome: { ...NOTHING, saves: 9 } })).toBeUndefined();
});

test.each<[string, Partial<DiskFacts>, number, number]>([
  ["nothing to come", {}, 1_000, 1_000],
  ["two saves and the final file", { toCome: { ...NOTHING, saves: 2, finalSave: true } }, 700, 700],
  [
    "more saves than are kept: the oldest goes when the newest is there",
    { toCome: { ...NOTHING, both: 20, finalSave: true } },
    600,
    600,
  ],
  ["a last replacement without a final file", { toCome: { ...NOTHING, saves: 20 } }, 700, 600],
  ["all are kept", { plan: { ...PLAN, keep: null }, toCome: { ...NOTHING, saves: 20 } }, -1_000, -1_000],
  [
    "the final file of a finished run that is trained on is overwritten",
    { checkpoints: [file(100), file(null)], toCome: { ...NOTHING, finalSave: true } },
    1_000,
    1_000,
  ],
  [
    "two experts are two files",
    { checkpoints: [file(100), file(100, 120)], toCome: { ...NOTHING, saves: 1 } },
    780,
    780,
  ],
  [
    "samples of a measured size",
    { sampleBytes: 10, toCome: { ...NOTHING, samplings: 3, both: 1, finalSampling: true } },
    1_000 - 100 - 5 * 2 * 10,
    1_000 - 100 - 5 * 2 * 10,
  ],
  [
    "more leftovers than are kept make no room by forecast",
    { checkpoints: [1, 2, 3, 4, 5, 6].map((step) => file(step)), toCome: { ...NOTHING, saves: 1 } },
    1_000,
    900,
  ],
])("%s", (_, facts, atEnd, lowest) => {
  expect(forecast(facts)).toEqual({ freeBytes: 1_000, atEnd, lowest });
});
