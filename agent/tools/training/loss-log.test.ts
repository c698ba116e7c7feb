import { cp } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import { readLossLog } from "./loss-log.ts";

/** A copy: reading a WAL database may touch the files beside it. */
async function recordedRun(): Promise<string> {
  const folder = await scratch();
  await cp(fileURLToPath(new URL("fixtures/tiny_run_v1", import.meta.url)), folder, { recursive: true });
  return folder;
}

const ALWAYS = { since: 0 };

test("the recorded run's eleven logged steps, losses and learning rate", async () => {
  const read = readLossLog(await recordedRun(), ALWAYS, (log) => ({
    newest: log.newest.step,
    oldest: log.oldestStep,
    steps: log.steps(50).map(({ step }) => step),
    losses: log.losses(3).map(({ step, value }) => [step, value?.toFixed(3)]),
    from: log.lossesFrom(9, 10).map(({ step }) => step),
    rate: log.learningRate(),
    lowest: log.lowestLoss(-1)?.step,
    lowestSince: log.lowestLoss(9)?.step,
  }));
  expect(read).toEqual({
    newest: 11,
    oldest: 1,
    steps: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    losses: [
      [9, "1.351"],
      [10, "1.195"],
      [11, "1.141"],
    ],
    from: [9, 10, 11],
    rate: 0.0001,
    lowest: 11,
    lowestSince: 11,
  });
});

test("around a step are the entry that holds it and the one before", async () => {
  const around = (step: number) => (folder: string) =>
    readLossLog(folder, ALWAYS, (log) => log.around(step).map((each) => each.step));
  const folder = await recordedRun();
  expect(around(5)(folder)).toEqual([4, 5]);
  expect(around(1)(folder)).toEqual([]);
  expect(around(12)(folder)).toEqual([]);
});

test("what an earlier run has logged is not this run's, and what a later one has logged is not either", async () => {
  const folder = await recordedRun();
  expect(readLossLog(folder, { since: Date.now() / 1000 + 1e9 }, (log) => log.newest)).toBeUndefined();
  const until = 1795363952; // after step 6
  expect(
    readLossLog(folder, { since: 0, until }, (log) => [log.newest.step, log.losses(1)[0]?.step]),
  ).toEqual([6, 6]);
});

test("a step that ran out of memory logs a learning rate of 0, which is not the run's", async () => {
  const folder = await recordedRun();
  const db = new DatabaseSync(join(folder, "loss_log.db"));
  db.exec(
    "INSERT INTO steps VALUES (12, 1795363980); INSERT INTO metrics VALUES (12, 'learning_rate', 0, NULL)",
  );
  db.close();
  expect(readLossLog(folder, ALWAYS, (log) => log.learningRate())).toBe(0.0001);
});

test("the lowest loss is never a NaN, nor the 0 that stands for one", async () => {
  const folder = await recordedRun();
  const db = new DatabaseSync(join(folder, "loss_log.db"));
  db.exec(`INSERT INTO steps VALUES (12, 1795363980), (13, 1795363981);
    INSERT INTO metrics VALUES (12, 'loss/loss', 0, NULL), (13, 'loss/loss', NULL, NULL)`);
  db.close();
  expect(readLossLog(folder, ALWAYS, (log) => log.lowestLoss(-1)?.step)).toBe(11);
  expect(readLossLog(folder, ALWAYS, (log) => log.lowestLoss(11))).toBeNull();
});

test("a run without the file, or with one that is being made, says nothing", async () => {
  expect(readLossLog("/nonexistent", ALWAYS, (log) => log.newest)).toBeUndefined();
  const folder = await scratch();
  new DatabaseSync(join(folder, "loss_log.db")).close();
  expect(readLossLog(folder, ALWAYS, (log) => log.newest)).toBeUndefined();
});
