import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { FAULT_KINDS, parseFault } from "./faults.ts";
import { readSafetensors } from "./safetensors.ts";
import {
  type Blocks,
  childrenOf,
  commandOf,
  createJobDatabase,
  openTheatre,
  type Run,
  type Theatre,
} from "./theatre.ts";

let theatre: Theatre;
beforeEach(() => {
  theatre = openTheatre();
});
afterEach(() => theatre.clear());

const start = (fault: string, blocks: Blocks = {}, env = {}) =>
  theatre.start([theatre.config(blocks)], { REHEARSAL_FAULT: fault, ...env });
const shows = (run: Run, text: string | RegExp) =>
  vi.waitFor(() => expect(run.log()).toMatch(text), { timeout: 30_000, interval: 10 });
const long = { train: { steps: 100_000 } };

test("a fault without a step strikes halfway", () => {
  expect(parseFault("crash", 13)).toEqual({ kind: "crash", step: 6 });
  expect(parseFault("crash@3", 13)).toEqual({ kind: "crash", step: 3 });
  expect(parseFault(undefined, 13)).toBeUndefined();
});

test("every fault is in the manual and in --help", () => {
  const source = readFileSync(join(import.meta.dirname, "main.ts"), "utf8");
  for (const kind of FAULT_KINDS) {
    expect(source).toMatch(new RegExp(`^ \\*     ${kind} `, "m"));
    expect(source).toMatch(new RegExp(`^ {6}(.* )?${kind}( .*)?$`, "m"));
  }
});

test("the config's own fault and pace win over the environment's", async () => {
  const config = theatre.config({}, { rehearsal: { fault: "dies@2", load_ms: 0 } });
  const run = theatre.start([config], { REHEARSAL_FAULT: "crash", REHEARSAL_LOAD_MS: "600000" });
  expect(await run.ended).toEqual({ code: null, signal: "SIGKILL" });
});

test("oom skips three batches and gives up at the fourth", async () => {
  const run = start("oom@4");
  expect(await run.ended).toEqual({ code: 1, signal: null });
  for (const attempt of [1, 2, 3]) {
    expect(run.log()).toContain(`\n################################################
# OOM during training step, skipping batch ${attempt}/3 #
################################################\n`);
  }
  expect(run.log()).toContain("RuntimeError: OOM during training step 3 times in a row, aborting training\n");
  // The bar goes on counting with the old postfix.
  expect(new Set(run.log().match(/loss: \S+\]/g)).size).toBe(4);
});

test("oom-load fails before there is a network", async () => {
  const run = start("oom-load");
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toContain("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.");
  expect(run.log()).not.toContain("create LoRA");
});

test.each([
  ["401 Client Error", "Access to model a/b is restricted. You must have access to it", {}],
  ["403 Client Error", "Visit https://huggingface.co/a/b to ask for access.", { HF_TOKEN: "hf_x" }],
])("gated is %s", async (code, advice, env) => {
  const run = start("gated", { model: { name_or_path: "a/b", arch: "flux" } }, env);
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toContain(`huggingface_hub.errors.GatedRepoError: ${code}`);
  expect(run.log()).toContain("Cannot access gated repo for url https://huggingface.co/a/b/");
  expect(run.log()).toContain(advice);
});

test("nan shows in the bar and as NULL in the loss log, and the run completes", async () => {
  const run = start("nan@6", { logging: { log_every: 1, use_ui_logger: true } });
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(run.log()).toContain("lr: 1.0e-04 loss: nan]");
  const db = new DatabaseSync(join(theatre.output, "loss_log.db"), { readOnly: true });
  const rows = db
    .prepare("SELECT step FROM metrics WHERE key = 'loss/loss' AND value_real IS NULL ORDER BY step")
    .all();
  expect(rows.map(({ step }) => step)).toEqual([6, 7, 8, 9, 10, 11]);
  db.close();
});

test("nan-zeroed is what the real trainer makes of it", async () => {
  const run = start("nan-zeroed@6");
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(run.log().match(/loss is nan\n/g)).toHaveLength(6);
  expect(run.log()).toContain("loss: 0.000e+00]");
});

test("a hanging run writes no more, but hears SIGINT", async () => {
  const run = start("hang@3");
  await shows(run, /3\/12 |2\/12 .*loss/);
  run.kill("SIGINT");
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(run.log()).not.toMatch(/ 4\/12 /);
});

test("dies without a word, and the row goes on running", async () => {
  const job = createJobDatabase(theatre);
  const run = start("dies", {}, job.env);
  expect(await run.ended).toEqual({ code: null, signal: "SIGKILL" });
  expect(run.log()).not.toMatch(/Error|Traceback|stopped/);
  expect(job.row()).toMatchObject({ status: "running", info: "Training" });
});

test("crash ends with a traceback", async () => {
  const run = start("crash");
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toContain("RuntimeError: CUDA error: an illegal memory access was encountered");
});

test("ignores-sigint trains on after SIGINT and stop, and completes", async () => {
  const job = createJobDatabase(theatre);
  const run = start("ignores-sigint", { train: { steps: 200 } }, job.env);
  await shows(run, /show: .* 5\/200/);
  job.db.exec("UPDATE Job SET stop = 1");
  run.kill("SIGINT");
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(job.row()).toMatchObject({ status: "completed", step: 200 });
});

test("ignores-sigint still dies of SIGTERM", async () => {
  const run = start("ignores-sigint", long);
  await shows(run, /show: .* 5\/100000/);
  run.kill("SIGTERM");
  expect(await run.ended).toEqual({ code: null, signal: "SIGTERM" });
});

test("ignores-sigterm leaves only SIGKILL", async () => {
  const run = start("ignores-sigterm", { train: { steps: 600 } });
  await shows(run, /show: .* 5\/600/);
  run.kill("SIGTERM");
  run.kill("SIGINT");
  expect(await run.ended).toEqual({ code: 0, signal: null });
});

test("slow-exit is still there after the last line", async () => {
  const run = start("slow-exit", long);
  await shows(run, /show: .* 5\/100000/);
  run.kill("SIGINT");
  await shows(run, /Job stopped\n=+\n$/);
  expect(commandOf(run.pid)).toContain("main.ts");
});

test("orphans outlive the run and ignore INT and TERM", async () => {
  const run = start("orphans", { ...long, datasets: [{ folder_path: theatre.dataset }] });
  await shows(run, /show: .* 5\/100000/);
  const workers = childrenOf(run.pid);
  await vi.waitFor(() => expect(workers.map(commandOf)).toEqual(["sleep 120", "sleep 120"]), 30_000);
  run.kill("SIGINT", "group");
  expect(await run.ended).toEqual({ code: 0, signal: null });
  run.kill("SIGTERM", "group");
  expect(workers.map(commandOf)).toEqual(["sleep 120", "sleep 120"]);
});

test("workers that escape have sessions of their own", async () => {
  const run = start("escapes", { ...long, datasets: [{ folder_path: theatre.dataset }] });
  await shows(run, /show: .* 5\/100000/);
  const workers = childrenOf(run.pid);
  await vi.waitFor(() => expect(workers.map(commandOf)).toEqual(["sleep 120", "sleep 120"]), 30_000);
  run.kill("SIGKILL", "group");
  await run.ended;
  expect(workers.map(commandOf)).toEqual(["sleep 120", "sleep 120"]);
  for (const pid of workers) process.kill(pid, "SIGKILL");
});

test("silent ends without a word", async () => {
  const run = start("silent@5");
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).not.toMatch(/Error|Result|Traceback/);
});

test("floods the log and goes on", async () => {
  const run = start("floods@3", {}, { REHEARSAL_FLOOD_MB: "3" });
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(run.log().length).toBeGreaterThan(3 * 1024 * 1024);
  expect(run.log()).toMatch(/show: 100%/);
});

test("invalid-utf8 prints what no decoder takes, and goes on", async () => {
  const run = start("invalid-utf8@3");
  expect(await run.ended).toEqual({ code: 0, signal: null });
  expect(run.log()).toContain("\n\ufffd\ufffd\ufffd(\n█\n");
});

test("truncated dies in the middle of a checkpoint", async () => {
  const run = start("truncated@5", { save: { save_every: 5 } });
  expect(await run.ended).toEqual({ code: null, signal: "SIGKILL" });
  const path = join(theatre.output, "show_000000005.safetensors");
  expect(readSafetensors(path)).toMatchObject({ complete: false, metadata: { rehearsal: "true" } });
  expect(statSync(path).size).toBeGreaterThan(20_000);
});

test("disk-full fails a save and leaves its beginning", async () => {
  const run = start("disk-full", { save: { save_every: 5 } });
  expect(await run.ended).toEqual({ code: 1, signal: null });
  expect(run.log()).toContain("OSError: [Errno 28] No space left on device\n");
  expect(readSafetensors(join(theatre.output, "show_000000005.safetensors")).complete).toBe(true);
  expect(readSafetensors(join(theatre.output, "show_000000010.safetensors")).complete).toBe(false);
  expect(existsSync(join(theatre.output, "show.safetensors"))).toBe(false);
});
