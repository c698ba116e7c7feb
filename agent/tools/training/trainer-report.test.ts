import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import { createReportDatabase, readReport, requestOf } from "./trainer-report.ts";

const newPath = async () => join(await scratch(), "job.db");

/** Columns that the trainer reads or writes; it dies when one is missing (ai-toolkit.md §8). */
const COLUMNS = [
  "id",
  "status",
  "info",
  "step",
  "speed_string",
  "stop",
  "return_to_queue",
  "save_now",
  "sample_now",
];

test("the trainer's row has all nine columns, and its flags are integers", async () => {
  const path = await newPath();
  createReportDatabase(path, "job-1");
  const db = new DatabaseSync(path);
  const row = db.prepare("SELECT * FROM Job").get();
  db.close();
  expect(Object.keys(row ?? {})).toEqual(COLUMNS);
  expect(row).toMatchObject({ id: "job-1", stop: 0, return_to_queue: 0, save_now: 0, sample_now: 0 });
});

test("what the trainer writes is read, also a step written as text", async () => {
  const path = await newPath();
  createReportDatabase(path, "j");
  const db = new DatabaseSync(path);
  db.prepare(
    "UPDATE Job SET status = 'running', info = 'Training', step = '12', speed_string = '1.92 sec/iter'",
  ).run();
  db.close();
  expect(readReport(path, "j")).toEqual({
    status: "running",
    info: "Training",
    step: 12,
    speed: "1.92 sec/iter",
  });
});

test("a request is a flag the trainer compares with 1", async () => {
  const path = await newPath();
  createReportDatabase(path, "j");
  requestOf(path, "j", "stop");
  const db = new DatabaseSync(path);
  expect(db.prepare("SELECT stop, save_now FROM Job").get()).toEqual({ stop: 1, save_now: 0 });
  db.close();
});

test("no file, no row, or a damaged file say nothing", async () => {
  const path = await newPath();
  expect(readReport(path, "j")).toBeUndefined();
  createReportDatabase(path, "j");
  expect(readReport(path, "other")).toBeUndefined();
  const damaged = `${path}.damaged`;
  await writeFile(
    damaged,
    "this is no database, only a text that is long enough to be taken for one".repeat(20),
  );
  expect(readReport(damaged, "j")).toBeUndefined();
});

test("an exception's text as long as a model is read no further than anybody would", async () => {
  const path = await newPath();
  createReportDatabase(path, "j");
  const db = new DatabaseSync(path);
  db.prepare("UPDATE Job SET status = 'error', info = ?").run(`size mismatch for ${"x".repeat(1_000_000)}`);
  db.close();
  const { info = "" } = readReport(path, "j") ?? {};
  expect(info).toMatch(/^size mismatch for x/);
  expect(info.length).toBeLessThanOrEqual(200);
});
