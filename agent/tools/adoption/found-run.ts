import type { ForeignRun } from "../training/run.ts";
import type { LiveTrainer } from "./live-trainers.ts";
import type { UiJob } from "./ui-database.ts";

/** A run as a list needs it; `open` finds out the rest. */
export interface FoundRun {
  readonly id: string;
  readonly origin: ForeignRun["origin"];
  readonly name: string;
  /** undefined: a job of the UI whose name leads nowhere. */
  readonly folder: string | undefined;
  readonly createdMs: number;
  readonly state: "pending" | "running" | "ended";
  readonly trainer: LiveTrainer | undefined;
  readonly job: (UiJob & { readonly database: string }) | undefined;
}

export interface Survey {
  /** The newest first. */
  readonly runs: readonly FoundRun[];
  /** What could not be looked at, one sentence each. */
  readonly problems: readonly string[];
  readonly trainers: readonly LiveTrainer[];
}
