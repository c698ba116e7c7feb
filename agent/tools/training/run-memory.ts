// What was found out about a run and need not be found out again at the next look: a run is looked at every few seconds
// for hours, and may have 100,000 steps.
import type { Point } from "./curve.ts";
import type { Job } from "./job-store.ts";
import type { Costs } from "./pace.ts";
import type { Sample } from "./run-files.ts";
import type { RunPlan } from "./run-plan.ts";
import type { SampleRound } from "./sample-rounds.ts";

export interface RunMemory {
  plan?: RunPlan;
  /** The first step that this run has logged. */
  firstStep?: number;
  /** The lowest loss up to a step. */
  lowest?: { readonly through: number; readonly point: Point | null };
  /** Medians of blocks of losses, spread over the curve up to a step. */
  blocks?: { readonly through: number; readonly medians: readonly number[] };
  costs?: { readonly key: string; readonly costs: Costs };
  samples?: { readonly folderMtimeMs: number; readonly list: readonly Sample[] };
  rounds?: {
    readonly of: readonly Sample[];
    readonly untilMs: number;
    readonly rounds: readonly SampleRound[];
  };
  /** Sizes of checkpoints that are folders, by name and time. */
  folders?: Map<string, number>;
  sampleBytes?: { readonly of: string; readonly mean: number };
}

/** Jobs that are remembered; those looked at longest ago are forgotten first. */
const JOBS_MAX = 100;

export class RunMemories {
  readonly #jobs = new Map<string, RunMemory>();

  of({ id, started_at }: Pick<Job, "id" | "started_at">): RunMemory {
    // A run of somebody else's keeps its id when it is started anew.
    const key = `${id} ${started_at}`;
    const memory = this.#jobs.get(key) ?? {};
    this.#jobs.delete(key);
    this.#jobs.set(key, memory);
    const [oldest] = this.#jobs.keys();
    if (this.#jobs.size > JOBS_MAX && oldest !== undefined) this.#jobs.delete(oldest);
    return memory;
  }
}
