// How long a run's steps, saves and samplings take, measured from the wall times of its steps, and what that makes of the
// time left. The loop saves and samples between a step's work and its log entry, so the gap that ends at a step holds
// what was saved and sampled under its number.
import { median } from "./median.ts";
import type { ToCome } from "./run-plan.ts";

export interface LoggedStep {
  /** 0-based loop step. */
  readonly step: number;
  /** Unix seconds. */
  readonly wallTime: number;
}

export interface Gap {
  /** Steps from, exclusive, and to, inclusive. */
  readonly from: number;
  readonly to: number;
  readonly seconds: number;
  /** When it began, Unix seconds. */
  readonly begin: number;
}

/** An estimate from fewer steps would swing wildly: the first ones include compilation and caches. */
export const MEASURED_STEPS_MIN = 5;
/** How many step times an estimate looks back over. */
const WINDOW = 50;

/** A longer gap is no gap of this run's logging. */
const GAP_STEPS_MAX = 10_000;

export function gapsOf(steps: readonly LoggedStep[]): Gap[] {
  return steps.slice(1).flatMap((to, index) => {
    const from = steps[index];
    if (!from || to.step <= from.step || to.step - from.step > GAP_STEPS_MAX) return [];
    return [{ from: from.step, to: to.step, seconds: to.wallTime - from.wallTime, begin: from.wallTime }];
  });
}

/** What happened at a step beside training. */
export interface Interruptions {
  readonly saves: (step: number) => boolean;
  readonly samplings: (step: number) => boolean;
}

const stepsOf = ({ from, to }: Gap) => Array.from({ length: to - from }, (_, index) => from + 1 + index);

/** Seconds of one step each, gaps with a save or a sampling left out; the newest last. */
export function stepSeconds(gaps: readonly Gap[], { saves, samplings }: Interruptions): number[] {
  return gaps
    .filter((gap) => gap.seconds >= 0 && !stepsOf(gap).some((step) => saves(step) || samplings(step)))
    .map(({ from, to, seconds }) => seconds / (to - from))
    .slice(-WINDOW);
}

/** Seconds; null: never measured. `both` is what a step costs that does both. */
export interface Costs {
  readonly save: number | null;
  readonly sampling: number | null;
  readonly both: number | null;
}

export interface Measured {
  /** Gaps with a save or a sampling in them. */
  readonly gaps: readonly Gap[];
  readonly interruptions: Interruptions;
  /** Of one step. */
  readonly stepSeconds: number;
  /** When the checkpoint of a step was last written, Unix seconds: it parts a save from the sampling behind it. */
  readonly savedAt: ReadonlyMap<number, number>;
  /** Measured in another way: from the times in the samples' names. */
  readonly samplingSeconds: number | null;
}

export function costsOf({ gaps, interruptions, stepSeconds, savedAt, samplingSeconds }: Measured): Costs {
  const saves: number[] = [];
  const samplings: number[] = [];
  const both: number[] = [];
  for (const gap of gaps) {
    const steps = stepsOf(gap);
    const saved = steps.filter(interruptions.saves);
    const sampled = steps.filter(interruptions.samplings);
    const extra = Math.max(0, gap.seconds - steps.length * stepSeconds);
    if (saved.length > 0 && sampled.length === 0) saves.push(extra / saved.length);
    if (sampled.length > 0 && saved.length === 0) samplings.push(extra / sampled.length);
    if (saved.length !== 1 || sampled.length !== 1) continue;
    both.push(extra);
    const written = savedAt.get(saved[0] ?? -1);
    if (written === undefined) continue;
    const saving = Math.min(extra, Math.max(0, written - gap.begin - steps.length * stepSeconds));
    saves.push(saving);
    samplings.push(extra - saving);
  }
  const sampling = median(samplings) ?? samplingSeconds;
  return { save: median(saves), sampling, both: median(both) };
}

/** What is planned but was never measured is left out, so the sum is at least what it will take. */
export function plannedSeconds(
  { saves, samplings, both, finalSave, finalSampling }: ToCome,
  costs: Costs,
): number {
  const sum = (costs.save ?? 0) + (costs.sampling ?? 0);
  return (
    saves * (costs.save ?? 0) +
    samplings * (costs.sampling ?? 0) +
    both * (costs.both ?? sum) +
    (finalSave ? (costs.save ?? 0) : 0) +
    (finalSampling ? (costs.sampling ?? 0) : 0)
  );
}
