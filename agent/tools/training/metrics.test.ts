import { cp, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { downsample, readMetrics } from "./metrics.ts";
import { smooth } from "./smooth.ts";

const line = (values: readonly number[]) => values.map((value, step) => ({ step, value }));

async function recordedRun(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-metrics-"));
  await cp(fileURLToPath(new URL("fixtures/tiny_run_v1", import.meta.url)), folder, { recursive: true });
  return folder;
}

test("the recorded run has eleven losses and learning rates, as the trainer logged them", async () => {
  const series = readMetrics(await recordedRun(), undefined, { sinceStep: 0, points: 100 });
  expect(series?.map(({ key, logged, bad_steps }) => [key, logged, bad_steps])).toEqual([
    ["learning_rate", 11, []],
    ["loss/loss", 11, []],
  ]);
  expect(series?.[1]?.last?.step).toBe(11);
  expect(series?.[1]?.last?.value).toBeCloseTo(1.141, 3);
});

test("only the keys and steps that were asked for", async () => {
  const series = readMetrics(await recordedRun(), ["loss/loss"], { sinceStep: 10, points: 100 });
  expect(series?.map(({ key, points }) => [key, points.map(({ step }) => step)])).toEqual([
    ["loss/loss", [10, 11]],
  ]);
});

test("a loss that is no number is named and not drawn", async () => {
  const folder = await recordedRun();
  const db = new DatabaseSync(join(folder, "loss_log.db"));
  db.exec("UPDATE metrics SET value_real = NULL WHERE key = 'loss/loss' AND step >= 9");
  db.close();
  const [loss] = readMetrics(folder, ["loss/loss"], { sinceStep: 0, points: 100 }) ?? [];
  expect(loss).toMatchObject({ bad_steps: [9, 10, 11], logged: 11, last: { step: 8 } });
});

test("a run without a log of figures says so", () => {
  expect(readMetrics("/nonexistent", undefined, { sinceStep: 0, points: 10 })).toBeUndefined();
});

test("a single peak among ten thousand points survives the thinning, and the ends stay", () => {
  const values = Array.from({ length: 10_000 }, () => 1);
  values[7_321] = 99;
  const thinned = downsample(line(values), 50);
  expect(thinned.length).toBeLessThanOrEqual(50);
  expect(thinned).toContainEqual({ step: 7_321, value: 99 });
  expect([thinned[0]?.step, thinned.at(-1)?.step]).toEqual([0, 9_999]);
  expect(thinned.map(({ step }) => step)).toEqual([...thinned.map(({ step }) => step)].sort((a, b) => a - b));
});

test("fewer points than asked for are all there", () => {
  expect(downsample(line([1, 2, 3]), 50)).toEqual(line([1, 2, 3]));
});

test("smoothing starts at the first value, not at zero", () => {
  expect(smooth(line([4, 4, 4]), 0.9).map(({ value }) => Math.round(value * 1e9) / 1e9)).toEqual([4, 4, 4]);
  expect(smooth(line([0, 10]), 0.5).at(-1)?.value).toBeCloseTo(20 / 3, 9);
  expect(smooth(line([1, 5]), 0)).toEqual(line([1, 5]));
});
