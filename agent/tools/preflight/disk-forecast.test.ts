import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { DatasetLook } from "./dataset-look.ts";
import { diskForecast, existingSaves } from "./disk-forecast.ts";

const FLUX = 5_369_856 * 16 * 2;
const process = (save: object = {}, train: object = {}) => ({
  network: { type: "lora", linear: 16 },
  model: { name_or_path: "black-forest-labs/FLUX.1-dev", arch: "flux" },
  save: { save_every: 250, max_step_saves_to_keep: 4, ...save },
  train: { steps: 2000, optimizer: "adamw8bit", ...train },
});
const forecast = (save?: object, train?: object) => diskForecast(process(save, train), undefined, [], false);

test.each([
  [{}, {}, 5], // 4 numbered ones and the final one
  [{ max_step_saves_to_keep: 0 }, {}, 8], // 250, 500 … 1750
  [{ max_step_saves_to_keep: 40 }, {}, 8],
  [{ save_every: 0 }, {}, 1],
  [{ save_every: null }, {}, 1],
  [{}, { steps: 250 }, 1],
])("as many checkpoints as the trainer keeps: %j %j", (save, train, checkpoints) => {
  const { neededBytes, ...rest } = forecast(save, train);
  expect(rest).toMatchObject({ checkpoints, checkpointBytes: FLUX });
  // Two states of one byte for each number, each of which is two bytes in a checkpoint.
  expect(neededBytes).toBe(checkpoints * FLUX + FLUX);
});

test("an optimizer whose state nobody knows is not counted", () => {
  expect(forecast({}, { optimizer: "prodigy" })).toMatchObject({
    optimizerBytes: null,
    neededBytes: 5 * FLUX,
  });
  expect(forecast({}, { optimizer: "AdamW" }).optimizerBytes).toBe(4 * FLUX);
});

test("checkpoints that are there are measured, and need no room again", async () => {
  const folder = await mkdtemp(join(tmpdir(), "forecast-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  expect(await existingSaves(folder, "a")).toBeUndefined();
  const half = join(import.meta.dirname, "../models/fixtures/tiny_run_v1_000000005.safetensors");
  for (const name of ["a_000000250_high_noise", "a_000000250_low_noise"])
    await cp(half, join(folder, `${name}.safetensors`));
  await writeFile(join(folder, "optimizer.pt"), Buffer.alloc(1_000));
  const existing = await existingSaves(folder, "a");
  expect(existing).toEqual({ saveBytes: 2 * 63_304, allBytes: 2 * 63_304, optimizerBytes: 1_000 });
  expect(diskForecast(process(), existing, [], false)).toMatchObject({
    checkpointBytes: 2 * 63_304,
    source: "measured on the checkpoints in the folder",
    neededBytes: 4 * 2 * 63_304,
  });
});

test("a rehearsal's files say nothing of a model's", () => {
  expect(diskForecast(process(), undefined, [], true)).toMatchObject({
    checkpointBytes: null,
    neededBytes: null,
  });
});

const look = (block: object, files = 10, word = "images"): DatasetLook => ({
  label: "Dataset 0",
  dataset: {
    label: "Dataset 0",
    block: { ...block },
    process: { at: "", block: {} },
    folder: "/x",
    folderText: "x",
  },
  files: Array.from({ length: files }, (_, i) => `/x/${i}.png`),
  word,
  isCapped: false,
  captionCount: 0,
  unreadable: [],
  unreadableCount: 0,
  isWritable: true,
  untagged: [],
  nested: [],
  controls: [],
});

test.each([
  [{ cache_latents_to_disk: true, resolution: 1024 }, 10 * 16 * 128 * 128 * 2],
  [{ cache_latents_to_disk: true, resolution: [512, 1024] }, 10 * 16 * (64 * 64 + 128 * 128) * 2],
  [{ cache_latents_to_disk: true }, 10 * 16 * 64 * 64 * 2],
  [{ resolution: 1024 }, 0],
])("cached latents of FLUX.1 for %j", (block, latentBytes) => {
  expect(diskForecast(process(), undefined, [look(block)], false).latentBytes).toBe(latentBytes);
});

test("latents of videos, and of models nobody looked at, are unknown and not counted", () => {
  const block = { cache_latents_to_disk: true, resolution: 512 };
  expect(
    diskForecast(process(), undefined, [look(block, 10, "videos or images")], false).latentBytes,
  ).toBeNull();
  const ltx = { ...process(), model: { arch: "ltx2" } };
  expect(diskForecast(ltx, undefined, [look(block)], false)).toMatchObject({
    latentBytes: null,
    neededBytes: null,
  });
});
