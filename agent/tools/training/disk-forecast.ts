// Will the disk hold what a run still writes? Sizes are those of the run's own files; what was never written has none.
import type { RunPlan, ToCome } from "./run-plan.ts";

export interface CheckpointSize {
  /** null: the final one. */
  readonly step: number | null;
  readonly bytes: number;
}

export interface DiskFacts {
  readonly freeBytes: number;
  readonly plan: RunPlan;
  readonly toCome: ToCome;
  /** All of the run's name that are whole. */
  readonly checkpoints: readonly CheckpointSize[];
  /** Mean size of a sample; null when there is none yet. */
  readonly sampleBytes: number | null;
}

/** Bytes; negative where it will not fit. */
export interface DiskForecast {
  readonly freeBytes: number;
  /** When the run is done. */
  readonly atEnd: number;
  /** At the worst moment: an old checkpoint goes only when the new one is there. */
  readonly lowest: number;
}

/** Undefined before the first checkpoint: nobody knows how large it will be. */
export function forecastDisk(facts: DiskFacts): DiskForecast | undefined {
  const { freeBytes, plan, toCome, checkpoints, sampleBytes } = facts;
  if (checkpoints.length === 0) return undefined;
  // A model of two experts is two files.
  const sizes = Map.groupBy(checkpoints, ({ step }) => step);
  const one = Math.max(
    ...[...sizes.values()].map((files) => files.reduce((sum, { bytes }) => sum + bytes, 0)),
  );
  const there = [...sizes.keys()].filter((step) => step !== null).length;
  const all = there + toCome.saves + toCome.both;
  const kept = plan.keep === null ? all : Math.min(all, Math.max(plan.keep, there));
  const grows = (kept - there) * one;
  // optimizer.pt is overwritten at each save, so it was there with the first checkpoint and grows no more. So is the
  // final file where a finished run is trained on.
  const final = toCome.finalSave && !sizes.has(null) ? one : 0;
  const rounds = toCome.samplings + toCome.both + (toCome.finalSampling ? 1 : 0);
  const atEnd = Math.round(freeBytes - grows - final - rounds * plan.prompts * (sampleBytes ?? 0));
  const replacing = kept < all ? freeBytes - grows - one : freeBytes;
  return { freeBytes, atEnd, lowest: Math.min(atEnd, replacing) };
}
