import { cp } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import { readMetrics } from "./metrics.ts";

async function recordedRun(): Promise<string> {
  const folder = await scratch();
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
