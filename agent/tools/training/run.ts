// A run as the reading tools look at it: a job of ours, or one that somebody else has started on this machine.

import type { Origin } from "../../../shared/tools/training.ts";
import { jobFolder, readPrivateConfig } from "./job-folder.ts";
import type { Job } from "./job-store.ts";
import { readReport, type TrainerReport } from "./trainer-report.ts";

/** Where a run tells of itself. */
export interface RunSource {
  /** Both output streams of its trainer; there may be no such file. null: they went somewhere else. */
  readonly log: string | null;
  /** The config that it runs or ran with; null when it is not known (any more). */
  readonly readConfig: () => Promise<Readonly<Record<string, unknown>> | null>;
  /** What its trainer says at this moment, while it runs. */
  readonly report: () => TrainerReport | undefined;
}

/** The time in which what lies in the run's folder is the run's own, in milliseconds since 1970. */
export interface Span {
  readonly sinceMs: number;
  readonly untilMs: number;
}

/** In the shape of a job: what is not known is null. */
export interface ForeignRun extends Job {
  readonly origin: Exclude<Origin, "agent">;
  readonly source: RunSource;
  readonly span: Span;
  /** Why it does not start yet, one sentence; null when it does not wait. */
  readonly waiting_for: string | null;
}

export const isForeign = (run: Job): run is ForeignRun => "origin" in run;

export const originOf = (run: Job): Origin => (isForeign(run) ? run.origin : "agent");

export function sourceOf(jobsPath: string, run: Job): RunSource {
  if (isForeign(run)) return run.source;
  const { log, config, database } = jobFolder(jobsPath, run.id);
  return { log, readConfig: () => readPrivateConfig(config), report: () => readReport(database, run.id) };
}

/** Undefined for a run that has not begun: nothing in its folder is its own. */
export function spanOf(run: Job): Span | undefined {
  if (isForeign(run)) return run.span;
  if (run.started_at === null) return undefined;
  // A later run may have gone on in the same folder.
  const untilMs = run.finished_at === null ? Number.POSITIVE_INFINITY : Date.parse(run.finished_at);
  return { sinceMs: Date.parse(run.started_at), untilMs };
}
