// What makes a run fast or slow, as a key: runs with the same key on the same kind of GPU go at about the same speed.
import type { TrainerKind } from "../../trainer/trainer.ts";
import { median } from "../training/median.ts";

type Json = Readonly<Record<string, unknown>>;

function object(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {}; // checked just now
}

const MODEL_KEYS = ["name_or_path", "arch", "quantize", "low_vram"] as const;
const TRAIN_KEYS = [
  "batch_size",
  "gradient_accumulation",
  "gradient_accumulation_steps",
  "gradient_checkpointing",
] as const;

const pick = (from: Json, keys: readonly string[]) => keys.map((key) => from[key] ?? null);

/** @param config a private config, as it will run; null for one that cannot be compared */
export function speedKey(config: unknown, trainer: TrainerKind): string | null {
  const processes = object(object(config)["config"])["process"];
  const [process, ...others] = Array.isArray(processes) ? processes.map(object) : [];
  if (!process || others.length > 0) return null; // several trainings, one after the other
  const datasets = Array.isArray(process["datasets"]) ? process["datasets"].map(object) : [];
  return JSON.stringify([
    trainer,
    ...pick(object(process["model"]), MODEL_KEYS),
    ...pick(object(process["train"]), TRAIN_KEYS),
    datasets.map((dataset) => dataset["resolution"] ?? null),
  ]);
}

export interface MeasuredRun {
  readonly secondsPerStep: number;
  /** All that was not training: loading, caching, sampling, saving. null when the run was cut short. */
  readonly overheadSeconds: number | null;
}

/**
 * How long a run of so many steps takes, from start to end; null unless runs like it were measured, one of them to
 * its end.
 */
export function expectedSeconds(steps: number | null, measured: readonly MeasuredRun[]): number | null {
  const perStep = median(measured.map(({ secondsPerStep }) => secondsPerStep));
  const overhead = median(measured.flatMap(({ overheadSeconds }) => overheadSeconds ?? []));
  return steps === null || perStep === null || overhead === null ? null : steps * perStep + overhead;
}
