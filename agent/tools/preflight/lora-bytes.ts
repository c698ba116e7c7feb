// How large a LoRA will be. Not guessed: ai-toolkit 0.12.26 was made to build its network (LoRASpecialNetwork) around each
// of these models' shapes, without weights, and its numbers counted. All other models are unknown until the first save.
import { asObject, asText, type JsonObject } from "../configs/check.ts";
import { DTYPE_BYTES } from "../configs/known-values.ts";
import { archOf } from "../configs/model-arch.ts";
import { TRAINER_DEFAULTS } from "../configs/trainer-defaults.ts";
import { rankOf } from "../configs/training-checks.ts";
import { agreed, presetsOf } from "./preset-of.ts";

/** Trained numbers for each unit of rank, by the preset's arch. */
const NUMBERS_PER_RANK: Readonly<Record<string, number>> = {
  sd15: 423_936,
  sdxl: 2_659_840,
  sd3: 4_581_888,
  flux: 5_369_856,
  flux_kontext: 5_369_856,
  flex1: 3_680_256,
  flex2: 3_680_256,
  chroma: 3_502_080,
  lumina2: 1_784_320,
  hidream: 3_756_032,
  hidream_e1: 3_756_032,
  "wan21:1b": 1_367_040,
  "wan21:14b": 4_792_320,
  "wan21_i2v:14b480p": 5_611_520,
  "wan21_i2v:14b": 5_611_520,
  // Two experts, each with a LoRA of its own.
  "wan22_14b:t2v": 2 * 4_792_320,
  wan22_14b_i2v: 2 * 4_792_320,
  wan22_5b: 2_519_040,
  qwen_image: 9_216_000,
  "qwen_image:2512": 9_216_000,
  qwen_image_edit: 9_216_000,
  qwen_image_edit_plus: 9_216_000,
  "qwen_image_edit_plus:2511": 9_216_000,
  "zimage:turbo": 2_657_280,
  zimage: 2_657_280,
  "zimage:deturbo": 2_657_280,
  flux2: 6_094_848,
  flux2_klein_4b: 1_443_840,
  flux2_klein_9b: 2_588_672,
};

export interface LoraSize {
  /** Of everything that is trained; null when nobody knows. */
  readonly numbers: number | null;
  /** Of one save; null when nobody knows. */
  readonly bytes: number | null;
  /** How it is known, or why not. */
  readonly source: string;
}

const unknown = (source: string): LoraSize => ({ numbers: null, bytes: null, source });

/** @param process a training process of a config */
export function loraSize(process: JsonObject): LoraSize {
  const network = asObject(process.network);
  const model = asObject(process.model);
  if (Object.keys(network).length === 0) return unknown("a whole model is saved, not a LoRA");
  const type = asText(network.type) ?? "lora";
  if (type !== "lora") return unknown(`the size of a ${type} is not known beforehand`);
  if (network.conv !== undefined)
    return unknown("the size of a LoRA with convolutions is not known beforehand");
  const presets = presetsOf(model);
  const perRank = agreed(presets, ({ arch }) => NUMBERS_PER_RANK[arch]);
  const ownKwargs = agreed(presets, (preset) => JSON.stringify(preset.network?.network_kwargs ?? {}));
  const rank = rankOf(network);
  const dtype = asText(asObject(process.save).dtype) ?? TRAINER_DEFAULTS.save.dtype;
  const bytesEach = DTYPE_BYTES[dtype];
  // They may leave layers out.
  const isUsual = JSON.stringify(network.network_kwargs ?? {}) === ownKwargs;
  if (!perRank || rank === null || !bytesEach || !isUsual)
    return unknown(
      `the size of a LoRA for '${archOf(model)}' with these settings is not known before the first save`,
    );
  const numbers = perRank * rank;
  return { numbers, bytes: numbers * bytesEach, source: `rank ${rank} of '${archOf(model)}' as ${dtype}` };
}
