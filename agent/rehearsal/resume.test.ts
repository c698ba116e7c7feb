// Starting again in a folder that has checkpoints: ai-toolkit.md §5.1.
import { chmodSync, readdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "./safetensors.ts";
import { type Blocks, openTheatre, type Theatre } from "./theatre.ts";

let theatre: Theatre;
beforeEach(() => {
  theatre = openTheatre();
});
afterEach(() => theatre.clear());

const weights = () =>
  readdirSync(theatre.output)
    .filter((file) => file.endsWith(".safetensors"))
    .sort();
const stepIn = (file: string) =>
  JSON.parse(readSafetensors(join(theatre.output, file)).metadata.training_info ?? "{}").step;

const play = async (steps: number, blocks: Blocks = {}) => {
  const config = theatre.config({ save: { save_every: 5 }, ...blocks, train: { steps } });
  const run = theatre.start([config]);
  return { ...(await run.ended), log: run.log() };
};

test("goes on from the newest checkpoint, in the original's words", async () => {
  await play(12);
  const { code, log } = await play(20);
  expect(code).toBe(0);
  const path = join(theatre.output, "show.safetensors");
  expect(log).toContain(
    `enable LoRA for U-Net
#### IMPORTANT RESUMING FROM ${path} ####
Loading from ${path}
Missing keys: []
Found step 12 in metadata, starting from there
Loading optimizer state from ${join(theatre.output, "optimizer.pt")}
Updating optimizer LR from params
Dataset: `,
  );
  expect(log).toMatch(/\rshow: +60%\|██████ {4}\| 12\/20 \[00:00<\?, \?it\/s\]/);
  expect(weights()).toEqual([
    "show.safetensors",
    "show_000000005.safetensors",
    "show_000000010.safetensors",
    "show_000000015.safetensors",
  ]);
  expect(stepIn("show.safetensors")).toBe(20);
});

test("newest means changed last, whatever the number; later rows of the loss log go", async () => {
  const logging = { log_every: 1, use_ui_logger: true };
  await play(12, { logging });
  chmodSync(join(theatre.output, "show_000000005.safetensors"), 0o600); // sets the ctime
  const { log } = await play(8, { logging });
  expect(log).toContain("Found step 5 in metadata");
  const db = new DatabaseSync(join(theatre.output, "loss_log.db"), { readOnly: true });
  expect(
    db
      .prepare("SELECT step FROM steps ORDER BY step")
      .all()
      .map(({ step }) => step),
  ).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect(db.prepare("SELECT DISTINCT last_seen_step AS step FROM metric_keys").all()).toMatchObject([
    { step: 7 },
  ]);
  db.close();
});

test("a finished job started again trains nothing and saves again", async () => {
  await play(12);
  const { code, log } = await play(12);
  expect(code).toBe(0);
  expect(log).toContain("Found step 12 in metadata");
  expect(log).not.toMatch(/loss:/);
  expect(log).toContain(`Saved checkpoint to ${join(theatre.output, "show.safetensors")}`);
});

test("keeps max_step_saves_to_keep numbered checkpoints, the newest", async () => {
  const { log } = await play(23, { save: { save_every: 5, max_step_saves_to_keep: 2 } });
  expect(weights()).toEqual(["show.safetensors", "show_000000015.safetensors", "show_000000020.safetensors"]);
  expect(log).toContain(`Removing old save: ${join(theatre.output, "show_000000005.safetensors")}\n`);
});

test("0 checkpoints to keep means all", async () => {
  await play(23, { save: { save_every: 5, max_step_saves_to_keep: 0 } });
  expect(weights()).toHaveLength(5);
});

test("Wan 2.2 14B saves pairs, each counted once", async () => {
  const model = { name_or_path: "x", arch: "wan22_14b:t2v" };
  await play(13, { model, save: { save_every: 5, max_step_saves_to_keep: 2 } });
  expect(weights()).toEqual([
    "show_000000010_high_noise.safetensors",
    "show_000000010_low_noise.safetensors",
    "show_high_noise.safetensors",
    "show_low_noise.safetensors",
  ]);
});

test("a truncated checkpoint is chosen, and is the end", async () => {
  await play(12);
  truncateSync(join(theatre.output, "show.safetensors"), 30_000);
  const { code, log } = await play(20);
  expect(code).toBe(1);
  expect(log).toMatch(/SafetensorError: Error while deserializing header: incomplete metadata/);
});

test("whatever begins like the run is taken for a checkpoint, were it only put aside beside it", async () => {
  await play(12);
  const aside = join(theatre.output, "show_000000010.safetensors.aside");
  writeFileSync(aside, "anything");
  const { code, log } = await play(20);
  expect(code).toBe(1);
  expect(log).toContain(`#### IMPORTANT RESUMING FROM ${aside} ####\nLoading from ${aside}\n`);
  expect(log).toContain("_pickle.UnpicklingError: Weights only load failed");
});

test("a process with a name of its own finds nothing to go on from: its files are called after the job", async () => {
  await play(12, { name: "other" });
  const { code, log } = await play(20, { name: "other" });
  expect(code).toBe(0);
  expect(log).not.toContain("RESUMING");
});

test.each([
  [
    "weights without the mark of a rehearsal",
    (path: string) => writeSafetensors(path, { format: "pt" }, [], async () => {}),
  ],
  ["a file nobody can read", async (path: string) => writeFileSync(path, "not weights")],
])("keeps away from %s", async (_, put) => {
  await play(12);
  const precious = join(theatre.output, "show_000000007.safetensors");
  await put(precious);
  const before = weights();
  const { code, log } = await play(20);
  expect(code).toBe(1);
  expect(log).toContain(`RuntimeError: ${precious} was not made by a rehearsal`);
  expect(weights()).toEqual(before);
  expect(stepIn("show.safetensors")).toBe(12);
});
