// How much a run will write. Every figure says where it comes from; what nobody knows is null and not counted.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { asObject, asText, type JsonObject } from "../configs/check.ts";
import { isUnet } from "../configs/known-values.ts";
import { archOf } from "../configs/model-arch.ts";
import { savesOf, savingOf } from "../configs/saving-checks.ts";
import { TRAINER_DEFAULTS } from "../configs/trainer-defaults.ts";
import { listCheckpoints } from "../training/run-files.ts";
import type { DatasetLook } from "./dataset-look.ts";
import { loraSize } from "./lora-bytes.ts";

export interface DiskForecast {
  /** One save, of both halves where a model has two. */
  readonly checkpointBytes: number | null;
  /** How that is known, or why not. */
  readonly source: string;
  /** At the end: numbered ones and the final one. */
  readonly checkpoints: number;
  readonly optimizerBytes: number | null;
  readonly latentBytes: number | null;
  /** At the worst moment, beyond what is there already; null without a checkpoint's size. */
  readonly neededBytes: number | null;
}

export interface Existing {
  /** Of the largest save. */
  readonly saveBytes: number;
  readonly allBytes: number;
  readonly optimizerBytes: number | null;
}

/** What earlier runs of this name left in the folder; undefined when there is no checkpoint. */
export async function existingSaves(outputFolder: string, run: string): Promise<Existing | undefined> {
  const saves = new Map<number | null, number>();
  for (const { name, step } of await listCheckpoints(outputFolder, run)) {
    const info = await stat(join(outputFolder, name)).catch(() => undefined);
    if (info?.isFile()) saves.set(step, (saves.get(step) ?? 0) + info.size);
  }
  if (saves.size === 0) return undefined;
  const optimizer = await stat(join(outputFolder, "optimizer.pt")).catch(() => undefined);
  const sizes = [...saves.values()];
  return {
    saveBytes: Math.max(...sizes),
    allBytes: sizes.reduce((sum, size) => sum + size, 0),
    optimizerBytes: optimizer?.size ?? null,
  };
}

/** Bytes of state for each trained number, in optimizer.pt; others keep what their authors know. */
const OPTIMIZER_BYTES: Readonly<Record<string, number>> = {
  adam: 8, adamw: 8, lion: 4, adagrad: 4, adam8bit: 2, adamw8bit: 2, lion8bit: 1,
}; // biome-ignore format: a list

function optimizerBytesOf(process: JsonObject, numbers: number | null): number | null {
  const optimizer = (asText(asObject(process.train).optimizer) ?? "adamw").toLowerCase();
  const each = OPTIMIZER_BYTES[optimizer];
  return numbers === null || each === undefined ? null : numbers * each;
}

const FOUR_TIMES_AS_MANY = ["flux2", "flux2_klein_4b", "flux2_klein_9b"];
const SIXTEEN = ["flux", "flex1", "flux_kontext", "sd3", "lumina2", "chroma", "hidream", "hidream_e1"];

/** Numbers in a latent for each pixel: channels, over the 8×8 pixels that become one place; undefined: not known. */
function latentsPerPixel(arch: string): number | undefined {
  if (isUnet(arch)) return 4 / 64;
  if (SIXTEEN.includes(arch) || /^(qwen_image|zimage|wan21|wan22_14b)/.test(arch)) return 16 / 64;
  return FOUR_TIMES_AS_MANY.includes(arch) ? 32 / 64 : undefined;
}

const LATENT_BYTES = 2; // bf16 or fp16

/** At most: images are never enlarged, and some of it may be there from an earlier run. */
function latentBytesOf(process: JsonObject, { dataset, files, word }: DatasetLook): number | null {
  const { block } = dataset;
  if (block.cache_latents_to_disk !== true) return 0;
  const perPixel = latentsPerPixel(archOf(asObject(process.model)));
  if (perPixel === undefined || word !== "images") return null;
  const sides = Array.isArray(block.resolution)
    ? block.resolution
    : [block.resolution ?? TRAINER_DEFAULTS.datasets.resolution];
  const pixels = sides.reduce((sum: number, side) => sum + (typeof side === "number" ? side ** 2 : 0), 0);
  return Math.ceil(files.length * pixels * perPixel * LATENT_BYTES);
}

function sumOf(figures: readonly (number | null)[]): number | null {
  const known = figures.filter((figure) => figure !== null);
  return known.length === 0 && figures.length > 0 ? null : known.reduce((sum, figure) => sum + figure, 0);
}

/**
 * @param looks the data sets that lie on the same disk
 * @param isRehearsal its files are small placeholders, whatever the model
 */
export function diskForecast(
  process: JsonObject,
  existing: Existing | undefined,
  looks: readonly DatasetLook[],
  isRehearsal: boolean,
): DiskForecast {
  const saving = savingOf({ block: process });
  const saves = savesOf(saving);
  // The final file comes on top, and a new one is written before the oldest is removed.
  const checkpoints = (saving.keep === 0 ? saves : Math.min(saves, saving.keep)) + 1;
  const lora = loraSize(process);
  const checkpointBytes = existing?.saveBytes ?? (isRehearsal ? null : lora.bytes);
  const source = existing
    ? "measured on the checkpoints in the folder"
    : isRehearsal
      ? "a rehearsal writes small placeholders"
      : lora.source;
  const optimizerBytes =
    existing?.optimizerBytes ?? (isRehearsal ? null : optimizerBytesOf(process, lora.numbers));
  const latentBytes = sumOf(looks.map((look) => latentBytesOf(process, look)));
  const there = (existing?.allBytes ?? 0) + (existing?.optimizerBytes ?? 0);
  const neededBytes =
    checkpointBytes === null
      ? null
      : Math.max(0, checkpoints * checkpointBytes + (optimizerBytes ?? 0) - there) + (latentBytes ?? 0);
  return { checkpointBytes, source, checkpoints, optimizerBytes, latentBytes, neededBytes };
}
