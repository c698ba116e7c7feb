import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { putWebUi } from "../../testing/web-ui.ts";
import { readUiConfig, timeOf, UiDatabases, uiJobPath } from "./ui-database.ts";

let toolkit: string;
beforeEach(async () => {
  toolkit = await mkdtemp(join(tmpdir(), "toolkit-"));
});
afterEach(() => rm(toolkit, { recursive: true }));

const MADE = Date.UTC(2026, 7, 1);
const times = { created_at: MADE, updated_at: MADE + 1 };
const ROW = { id: "a", name: "cats", status: "running", info: "Training", step: 7, gpu_ids: "1", ...times };

test.each(["WAL", "DELETE"] as const)(
  "jobs of today's UI are read, its database in mode %s",
  async (journal) => {
    const ui = await putWebUi(toolkit, { journal });
    ui.add({ ...ROW, job_config: '{"job":"extension"}', pid: 12, speed_string: "2.00 sec/iter", stop: 1 });
    ui.add({ id: "b", name: "words", status: "queued", job_type: "caption", total_steps: 40 });
    ui.run("INSERT INTO Queue (gpu_ids, is_running) VALUES ('1', 1)");
    ui.run("INSERT INTO Settings (key, value) VALUES ('TRAINING_FOLDER', '/mnt/runs/')");
    const [found] = new UiDatabases([toolkit, join(toolkit, "none")]).read();
    expect(found).toMatchObject({ path: ui.path, trainingFolder: "/mnt/runs/", problem: null });
    expect(found?.jobs).toMatchObject([
      {
        id: "a",
        name: "cats",
        gpuIds: "1",
        status: "running",
        step: 7,
        speed: "2.00 sec/iter",
        stops: true,
        pid: 12,
        isTraining: true,
        createdMs: MADE,
        updatedMs: MADE + 1,
        queueRuns: true,
      },
      { id: "b", isTraining: false, totalSteps: 40, stops: false, pid: null, queueRuns: false },
    ]);
    expect(readUiConfig(ui.path, "a")).toBe('{"job":"extension"}');
    expect(readUiConfig(ui.path, "z")).toBeNull();
  },
);

test("a UI from before pid, queue and captions is read as far as it goes", async () => {
  const ui = await putWebUi(toolkit, { age: "2025-02" });
  ui.add(ROW);
  const [found] = new UiDatabases([toolkit]).read();
  expect(found).toMatchObject({ trainingFolder: join(toolkit, "output") });
  expect(found?.jobs).toMatchObject([
    { id: "a", step: 7, speed: null, stops: false, pid: null, isTraining: true, queueRuns: null },
  ]);
});

test("a database of something else has no jobs, and no database is none", async () => {
  expect(new UiDatabases([toolkit]).read()).toEqual([]);
  const db = new DatabaseSync(join(toolkit, "aitk_db.db"));
  db.exec("CREATE TABLE Training (id TEXT)");
  db.close();
  expect(new UiDatabases([toolkit]).read()).toMatchObject([{ jobs: [], problem: null }]);
});

test("each change of a job is seen, also one in the WAL", async () => {
  const ui = await putWebUi(toolkit);
  ui.add(ROW);
  const databases = new UiDatabases([toolkit]);
  const step = () => databases.read()[0]?.jobs[0]?.step;
  expect(step()).toBe(7);
  const trainer = new DatabaseSync(ui.path);
  try {
    for (const next of [8, 9]) {
      trainer.exec(`UPDATE Job SET step = ${next}`);
      expect(step()).toBe(next);
    }
  } finally {
    trainer.close();
  }
});

test("while it is locked the jobs are those that were seen last, and that is said", async () => {
  const ui = await putWebUi(toolkit, { journal: "DELETE" });
  ui.add(ROW);
  const databases = new UiDatabases([toolkit]);
  databases.read();
  const writer = new DatabaseSync(ui.path);
  try {
    writer.exec("BEGIN EXCLUSIVE; UPDATE Job SET step = 8");
    const locked = /cannot be read now \(database is locked\): /;
    expect(databases.read()).toMatchObject([
      { jobs: [{ step: 7 }], problem: expect.stringMatching(/its jobs are told as they were last seen/) },
    ]);
    expect(new UiDatabases([toolkit]).read()).toMatchObject([
      { jobs: [], problem: expect.stringMatching(locked) },
    ]);
    writer.exec("COMMIT");
  } finally {
    writer.close();
  }
  expect(databases.read()).toMatchObject([{ jobs: [{ step: 8 }], problem: null }]);
});

test("a broken file, and a folder of that name, are told as what they are", async () => {
  const ui = await putWebUi(toolkit);
  await writeFile(ui.path, "x".repeat(4_096));
  expect(new UiDatabases([toolkit]).read()).toMatchObject([
    { problem: expect.stringMatching(/not a database/) },
  ]);
});

test.each([
  [MADE, MADE],
  ["2026-08-01 00:00:00", MADE],
  ["2026-08-01T00:00:00.000Z", MADE],
  ["2026-08-01T02:00:00+02:00", MADE],
  ["soon", null],
  [null, null],
])("the time %j is %j", (value, ms) => {
  expect(timeOf(value)).toBe(ms);
});

test.each([
  ["my cats", "/out/my cats"],
  ["..", undefined],
  ["../x", undefined],
  ["a/b", undefined],
  ["a\\b", undefined],
  ["a\0b", undefined],
  ["", undefined],
])("the job %j writes to %j", (name, path) => {
  expect(uiJobPath({ trainingFolder: "/out" }, name)).toBe(path);
});
