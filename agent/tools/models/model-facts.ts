// What is known of a trained model from its header and its name.
import type { FileHandle } from "node:fs/promises";
import * as v from "valibot";
import { type Metadata, readHeader } from "./safetensors.ts";

export interface ModelFacts {
  readonly step: number | null;
  readonly baseModel: string | null;
  readonly triggerWord: string | null;
  /** Of a LoRA; null for everything else. */
  readonly rank: number | null;
  /** Written by a rehearsal: no real training happened. */
  readonly rehearsal: boolean;
  /** What is wrong with the file, in one sentence; loaders refuse it. */
  readonly problem: string | null;
}

/** Facts of an open file. Formats without a header (.ckpt, .pt) have only their name. */
export async function readFacts(
  handle: FileHandle,
  fileName: string,
  fileBytes: number,
): Promise<ModelFacts> {
  if (!fileName.endsWith(".safetensors")) {
    return factsOf({ metadata: {}, rank: null }, fileName, fileBytes === 0 ? "The file is empty" : null);
  }
  const header = await readHeader(handle, fileBytes);
  if (header.problem !== undefined) return factsOf({ metadata: {}, rank: null }, fileName, header.problem);
  return factsOf(header, fileName, null);
}

const JsonText = <S extends v.GenericSchema>(schema: S) => v.pipe(v.string(), v.parseJson(), schema);
const TrainingInfo = JsonText(v.object({ step: v.pipe(v.number(), v.integer(), v.minValue(0)) }));
const TagFrequency = JsonText(v.record(v.string(), v.record(v.string(), v.number())));

function factsOf(
  { metadata, rank }: { readonly metadata: Metadata; readonly rank: number | null },
  fileName: string,
  problem: string | null,
): ModelFacts {
  const info = v.safeParse(TrainingInfo, metadata.training_info);
  return {
    step: info.success ? info.output.step : stepInName(fileName),
    baseModel: metadata.ss_base_model_version || metadata["modelspec.architecture"] || null,
    triggerWord: metadata.trigger_word || metadata["modelspec.trigger_phrase"] || soleTag(metadata) || null,
    rank,
    rehearsal: "rehearsal" in metadata,
    problem,
  };
}

/** `<run>_000000250.safetensors`; Wan 2.2 writes pairs with a further suffix. */
function stepInName(fileName: string): number | null {
  const digits = /_(\d{9})(_high_noise|_low_noise)?\.[a-z]+$/.exec(fileName)?.[1];
  return digits === undefined ? null : Number(digits);
}

/**
 * ai-toolkit writes `{"1_<trigger>": {"<trigger>": 1}}`, and only with a trigger word. Other trainers list every tag of
 * every caption here, of which none is *the* trigger word.
 */
function soleTag(metadata: Metadata): string | undefined {
  const parsed = v.safeParse(TagFrequency, metadata.ss_tag_frequency);
  if (!parsed.success) return undefined;
  const [folder, ...otherFolders] = Object.entries(parsed.output);
  const [tag, ...otherTags] = Object.keys(folder?.[1] ?? {});
  const isTrigger = tag !== undefined && folder?.[0] === `1_${tag}`;
  return isTrigger && otherFolders.length === 0 && otherTags.length === 0 ? tag : undefined;
}
