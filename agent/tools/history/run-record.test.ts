import { appendFile, cp, mkdir, mkdtemp, rm, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { readCurves } from "./curves.ts";
import { makeRecord, parseRecord, type RunPlace } from "./run-record.ts";

const FIXTURES = join(import.meta.dirname, "..");

let folder: string;
let run: RunPlace;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "aitk-record-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await cp(join(FIXTURES, "training/fixtures/tiny_run_v1"), folder, { recursive: true });
  const file = join(folder, "tiny_run_v1_000000005.safetensors");
  await cp(join(FIXTURES, "models/fixtures/tiny_run_v1_000000005.safetensors"), file);
  await mkdir(join(folder, "samples"));
  const times = timesOf();
  const [first = 0, last = 0] = [times[0], times.at(-1)];
  await utimes(file, first + 1, first + 1);
  await writeFile(join(folder, `samples/${Math.round((first + 1) * 1000)}__000000005_0.jpg`), "");
  run = {
    name: "tiny_run_v1",
    output_folder: folder,
    started_at: iso(first - 10),
    finished_at: iso(last + 10),
  };
});

const iso = (seconds: number) => new Date(seconds * 1000).toISOString();

function withLog<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(folder, "loss_log.db"));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

const timesOf = () =>
  withLog((db) =>
    db
      .prepare("SELECT wall_time AS t FROM steps ORDER BY step")
      .all()
      .map(({ t }) => Number(t)),
  );

/** A later run went on from step 5: the rows behind it are its own. */
const goOn = () => withLog((db) => db.exec("UPDATE steps SET wall_time = wall_time + 1e6 WHERE step > 5"));

test("a record of a real run: figures, checkpoints, samples and the version that trained it", async () => {
  const record = await makeRecord(run, { config: {} });
  expect(record).toMatchObject({
    trainer_version: "0.12.26",
    logged_steps: 11,
    checkpoints: [{ name: "tiny_run_v1_000000005.safetensors", step: 5, bytes: expect.any(Number) }],
    samples: [{ step: 5, index: 0 }],
  });
  expect(record.curves.map(({ key, logged }) => [key, logged])).toEqual([
    ["loss/loss", 11],
    ["learning_rate", 11],
  ]);
  expect(record.curves[0]?.last?.[1]).toBeCloseTo(1.141, 3);
  expect(record.trend).toHaveLength(11);
  expect(record.seconds_per_step).toBeGreaterThan(0.5);
  expect(parseRecord(JSON.stringify(record))).toEqual(record);
});

test("what lies in the folder from before or after the run is not its own", async () => {
  const [first = 0, last = 0] = [timesOf()[0], timesOf().at(-1)];
  const later = { ...run, started_at: iso(last + 100), finished_at: null };
  expect(await makeRecord(later, null)).toMatchObject({
    checkpoints: [],
    samples: [],
    seconds_per_step: null,
  });
  const earlier = { ...run, started_at: iso(first - 100), finished_at: iso(first - 50) };
  expect(await makeRecord(earlier, null)).toMatchObject({
    checkpoints: [],
    samples: [],
    curves: [],
    logged_steps: 0,
  });
});

test("of a run that went on from an earlier one the whole curve is kept, and its own pace", async () => {
  const slow = withLog((db) => {
    db.exec("UPDATE steps SET wall_time = wall_time - 1e6 + step * 100 WHERE step <= 5");
    return makeRecord(run, null);
  });
  const record = await slow;
  expect(record).toMatchObject({ logged_steps: 11 });
  expect(record.curves[0]?.points[0]?.[0]).toBe(1);
  expect(record.seconds_per_step).toBeLessThan(50);
});

test("a job that never started, and a folder that is gone or damaged, leave a record all the same", async () => {
  const nothing = {
    curves: [],
    trend: [],
    checkpoints: [],
    samples: [],
    logged_steps: 0,
    trainer_version: null,
  };
  expect(await makeRecord({ ...run, started_at: null }, null)).toMatchObject(nothing);
  await truncate(join(folder, "loss_log.db"), 5_000);
  expect(await makeRecord(run, null)).toMatchObject({ curves: [], checkpoints: [{ step: 5 }] });
  await rm(folder, { recursive: true });
  expect(await makeRecord(run, { a: 1 })).toEqual({ ...nothing, config: { a: 1 }, seconds_per_step: null });
});

test("a very long run is remembered in few kilobytes, with its peaks", async () => {
  withLog((db) => {
    const start = Number(db.prepare("SELECT max(wall_time) AS t FROM steps").get()?.["t"]);
    db.exec("BEGIN");
    const step = db.prepare("INSERT INTO steps VALUES (?, ?)");
    const metric = db.prepare("INSERT INTO metrics VALUES (?, 'loss/loss', ?, NULL)");
    for (let n = 12; n < 50_000; n++) {
      step.run(n, start + n / 1e5);
      metric.run(n, n === 30_000 ? 99 : 0.1 + Math.abs(Math.sin(n)) / 10);
    }
    db.exec("COMMIT");
  });
  const record = await makeRecord(run, null);
  expect(JSON.stringify(record).length).toBeLessThan(25_000);
  expect(record.curves[0]?.points).toContainEqual([30_000, 99]);
  expect(record.trend).toHaveLength(200);
});

const range = { sinceStep: 0, points: 100 };

test("curves come from the run's own log as long as that is whole", async () => {
  const record = await makeRecord(run, null);
  const curves = readCurves(run, record, undefined, range);
  expect(curves).toMatchObject({ fromRecord: false });
  expect(curves?.series.map(({ logged }) => logged)).toEqual([11, 11]);
});

test("when a later run has gone on in the same folder, the earlier one's curves come from its record", async () => {
  const record = await makeRecord(run, null);
  goOn();
  const curves = readCurves(run, record, ["loss/loss"], { sinceStep: 3, points: 4 });
  expect(curves).toMatchObject({ fromRecord: true, series: [{ logged: 11, last: { step: 11 } }] });
  expect(curves?.series[0]?.points.every(({ step }) => step >= 3)).toBe(true);
  expect(curves?.series[0]?.points).toHaveLength(4);
  // Without a record, the part that is still its own is better than the other run's figures.
  expect(readCurves(run, undefined, ["loss/loss"], range)?.series[0]?.last?.step).toBe(5);
});

test("when the log is gone or damaged, too; without a record the damage is told", async () => {
  const record = await makeRecord(run, null);
  await truncate(join(folder, "loss_log.db"), 5_000);
  await appendFile(join(folder, "loss_log.db"), "rubbish".repeat(2_000));
  expect(() => readCurves(run, undefined, undefined, range)).toThrow();
  expect(readCurves(run, record, undefined, range)).toMatchObject({ fromRecord: true });
  await rm(folder, { recursive: true });
  expect(readCurves(run, record, undefined, range)).toMatchObject({ fromRecord: true });
  expect(readCurves(run, undefined, undefined, range)).toBeUndefined();
});

test("a text that is no record is none", () => {
  expect([parseRecord("{}"), parseRecord("no"), parseRecord(`{"config":1}`)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});
