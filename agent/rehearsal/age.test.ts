// Older toolkits: run.py and DiffusionTrainer.py of ai-toolkit's history, by the day of the checkout.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ageOf } from "./age.ts";
import { createJobDatabase, openTheatre, type Run, type Theatre } from "./theatre.ts";

let theatre: Theatre;
beforeEach(() => {
  theatre = openTheatre();
});
afterEach(() => theatre.clear());

const shows = (run: Run, text: string | RegExp) =>
  vi.waitFor(() => expect(run.log()).toMatch(text), { timeout: 30_000, interval: 10 });

const play = (day: string, blocks: object = {}, env: Readonly<Record<string, string>> = {}) =>
  theatre.start([theatre.config({ ...blocks })], { REHEARSAL_TOOLKIT: day, ...env });

const old = { type: "sd_trainer", logging: { use_ui_logger: true, log_every: 1 } };

test("before September 2025 there is no diffusion_trainer", async () => {
  const run = play("2025-06-01");
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toContain("Unknown process type: diffusion_trainer");
});

test("sd_trainer trains in silence, without a loss log, and its bar ends one short", async () => {
  const job = createJobDatabase(theatre);
  const run = play("2025-06-01", old, job.env);
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(job.row()).toMatchObject({ status: "queued", step: 0 });
  expect(run.log()).toMatch(/\rshow: .* 11\/12 \[/);
  expect(run.log()).not.toMatch(/\rshow: .* 12\/12 /);
  expect(existsSync(join(theatre.output, "show.safetensors"))).toBe(true);
  expect(existsSync(join(theatre.output, "loss_log.db"))).toBe(false);
});

test("an interrupt is an uncaught KeyboardInterrupt: the Result block, a traceback, the death by SIGINT", async () => {
  const job = createJobDatabase(theatre);
  const run = play("2026-06-30", { train: { steps: 100_000 } }, job.env);
  await shows(run, /show: .* 5\/100000/);
  run.kill("SIGINT");
  expect(await run.ended).toEqual({ code: null, signal: "SIGINT" });
  expect(run.log()).toMatch(/\nResult:\n - 0 completed jobs\n=+\n/);
  expect(run.log()).toMatch(/\nTraceback.*\nKeyboardInterrupt\n/s);
  expect(run.log()).not.toContain("Job stopped");
  expect(job.row()).toMatchObject({ status: "error", info: "" });
});

test("save_now was there before sample_now", async () => {
  const job = createJobDatabase(theatre);
  job.db.exec("UPDATE Job SET save_now = 1, sample_now = 1");
  await play("2026-06-30", {}, job.env).ended;
  expect(job.row()).toMatchObject({ status: "completed", save_now: 0, sample_now: 1 });
  expect(existsSync(join(theatre.output, "show_000000001.safetensors"))).toBe(true);
});

test("a day that is none is refused", () => {
  expect(() => ageOf("last year")).toThrow("must be a day");
});
