// The `Job` row, from the other side: ai-toolkit.md §8.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openJobRow } from "./job-row.ts";
import { createJobDatabase, JOB_ID, openTheatre, type Run, type Theatre } from "./theatre.ts";

let theatre: Theatre;
beforeEach(() => {
  theatre = openTheatre();
});
afterEach(() => theatre.clear());

const shows = (run: Run, text: string | RegExp) =>
  vi.waitFor(() => expect(run.log()).toMatch(text), { timeout: 30_000, interval: 10 });
const long = { train: { steps: 100_000 } };

test("tells every phase, in the trainer's words", async () => {
  const job = createJobDatabase(theatre);
  const config = theatre.config({
    train: { disable_sampling: false },
    sample: { prompts: ["a cat", "a dog"], neg: "", width: 64, height: 64, sample_every: 5 },
    save: { save_every: 5 },
    performance_log_every: 4,
  });
  const run = theatre.start([config], job.env);
  await run.ended;
  const sampling = [0, 1, 2].map((n) => `running: Generating images - ${n}/2`);
  const saving = ["running: Saving model", "running: Training"];
  expect(job.history()).toEqual([
    "running: Starting",
    "running: Loading model",
    "running: Loading dataset",
    "running: Training",
    ...sampling,
    "running: Training",
    ...[...saving, ...sampling, "running: Training"],
    ...[...saving, ...sampling, "running: Training"],
    ...[...saving, ...sampling, "running: Training"],
    "completed: Training completed",
  ]);
  expect(job.row()).toMatchObject({ step: 12, speed_string: expect.stringMatching(/^\d+\.\d\d iter\/sec$/) });
  expect(run.log()).toContain(
    `Using SQLite database at ${join(theatre.folder, "job.db")}\nJob ID: "job-1"\n`,
  );
});

test("model loading of a transformer is told part by part", async () => {
  const job = createJobDatabase(theatre);
  const config = theatre.config({ model: { name_or_path: "x", arch: "flux", quantize: true } });
  await theatre.start([config], job.env).ended;
  expect(job.history()).toEqual(
    expect.arrayContaining([
      "running: Loading transformer",
      "running: Quantizing transformer",
      "running: Model Loaded",
    ]),
  );
});

test.each([
  ["stop", "stopped", "Job stopped", "Job stopped"],
  ["return_to_queue", "queued", "Job queued", "Job returning to queue"],
])("%s ends the job with exit code 1", async (flag, status, info, message) => {
  const job = createJobDatabase(theatre);
  const run = theatre.start([theatre.config(long)], job.env);
  await shows(run, /show: .* 5\/100000/);
  job.db.exec(`UPDATE Job SET ${flag} = 1`);
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(job.row()).toMatchObject({ status, info, step: 0 });
  expect(run.log()).toContain(`Error running job: ${message}\n\n====`);
  // The interpreter closes the bar after the traceback.
  expect(run.log()).toMatch(new RegExp(`\nException: ${message}\n\rshow: [^\r\n]*\\] *\n$`));
});

test("stop is heard before anything is loaded", async () => {
  const job = createJobDatabase(theatre);
  job.db.exec("UPDATE Job SET stop = 1");
  const run = theatre.start([theatre.config()], job.env);
  expect((await run.ended).code).toBe(1);
  expect(run.log()).not.toContain("Loading");
  expect(job.row()).toMatchObject({ status: "stopped", info: "Job stopped" });
});

test("save_now and sample_now are taken at the end of a step and set back", async () => {
  const job = createJobDatabase(theatre);
  job.db.exec("UPDATE Job SET save_now = 1, sample_now = 1");
  const config = theatre.config({ sample: { prompts: ["a cat"], neg: "", width: 64, height: 64 } });
  const run = theatre.start([config], job.env);
  await run.ended;
  expect(run.log()).toMatch(/\nSaving at step 1\nSaved checkpoint to \S+show_000000001.safetensors\n/);
  expect(run.log()).toContain("\nSampling at step 1\n");
  expect(job.row()).toMatchObject({ status: "completed", save_now: 0, sample_now: 0 });
});

test("without a table the job dies at construction", async () => {
  const job = createJobDatabase(theatre);
  job.db.exec("DROP TABLE Job");
  const run = theatre.start([theatre.config()], job.env);
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toContain("Error running job: no such table: Job\nError running on_error");
  expect(run.log()).toMatch(/sqlite3\.OperationalError: no such table: Job\n$/);
});

test("without a save_now column it dies after the first step", async () => {
  const job = createJobDatabase(
    theatre,
    "id TEXT PRIMARY KEY, status TEXT, info TEXT, step INTEGER, speed_string TEXT, stop INTEGER, return_to_queue INTEGER, sample_now INTEGER",
  );
  const run = theatre.start([theatre.config()], job.env);
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toMatch(/show: .* 1\/12 /);
  expect(run.log()).not.toMatch(/show: .* 2\/12 /);
  expect(run.log()).toContain("sqlite3.OperationalError: no such column: save_now");
  expect(job.row()).toMatchObject({ status: "error", info: "no such column: save_now" });
});

test("a deleted database ends the run at its next step", async () => {
  const job = createJobDatabase(theatre);
  const run = theatre.start([theatre.config(long)], job.env);
  await shows(run, /show: .* 5\/100000/);
  job.db.close();
  for (const suffix of ["", "-wal", "-shm"]) rmSync(join(theatre.folder, `job.db${suffix}`), { force: true });
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toMatch(
    /Error running job: .*\n\[AITK\] Warning: failed to update DB during error handling: no such table: Job\n/,
  );
});

/** The row as the trainer sees it, with a clock that only goes on while it sleeps: a second a nap, at least. */
const openRow = (onPause: (ms: number) => void) => {
  const printed: string[] = [];
  let nowMs = 0;
  const row = openJobRow({
    processType: "diffusion_trainer",
    dbPath: join(theatre.folder, "job.db"),
    jobId: JOB_ID,
    print: (line) => printed.push(line),
    interrupt: {
      pause: async (ms) => {
        nowMs += Math.max(ms, 1000);
        onPause(ms);
      },
    },
    now: () => nowMs,
  });
  return { row, printed, elapsedMs: () => nowMs };
};

test("a locked database is waited for in silence", async () => {
  const job = createJobDatabase(theatre);
  job.db.exec("BEGIN IMMEDIATE");
  const { row, printed } = openRow(() => job.db.exec("COMMIT"));
  await row.set("step", 7);
  expect(job.row()).toMatchObject({ step: 7 });
  expect(printed.join()).not.toContain("locked");
});

test("a database that stays locked is given up after four tries of 30 s", async () => {
  const job = createJobDatabase(theatre);
  job.db.exec("BEGIN IMMEDIATE");
  const pauses: number[] = [];
  const { row, printed, elapsedMs } = openRow((ms) => pauses.push(ms));
  await expect(row.set("step", 7)).rejects.toThrow("database is locked");
  expect(pauses.filter((ms) => ms >= 1000)).toEqual([2000, 4000, 8000]);
  expect(elapsedMs()).toBe(4 * 30_000 + 14_000);
  expect(printed.slice(-4)).toEqual([
    "[AITK] Database locked (attempt 1/4), retrying in 2.0s...",
    "[AITK] Database locked (attempt 2/4), retrying in 4.0s...",
    "[AITK] Database locked (attempt 3/4), retrying in 8.0s...",
    "[AITK] Database locked after 4 attempts, giving up.",
  ]);
});

test("SIGINT is heard while the database is locked", async () => {
  const job = createJobDatabase(theatre);
  job.db.exec("BEGIN IMMEDIATE");
  const run = theatre.start([theatre.config()], job.env);
  await shows(run, "Using SQLite database");
  run.kill("SIGINT");
  expect(await run.ended).toEqual({ code: 0, signal: null });
});

test.each([
  ["there is no database", {}, { AITK_JOB_ID: "job-1" }],
  ["there is no job id", {}, {}],
  ["the row is missing", {}, { AITK_JOB_ID: "job-2" }],
  ["the type is sd_trainer", { type: "sd_trainer" }, { AITK_JOB_ID: "job-1" }],
])("it trains in silence when %s", async (why, blocks, env) => {
  const job = createJobDatabase(theatre);
  if (why === "there is no database") {
    job.db.close();
    rmSync(join(theatre.folder, "job.db"));
  }
  const run = theatre.start([theatre.config(blocks)], env);
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(existsSync(join(theatre.output, "show.safetensors"))).toBe(true);
  if (job.db.isOpen) expect(job.row()).toMatchObject({ status: "queued", step: 0 });
});

test("the old ui_trainer insists on being watched", async () => {
  const run = theatre.start([theatre.config({ type: "ui_trainer" })]);
  expect(await run.ended).toEqual({ code: 1, signal: null });
});
