// Runs side by side, as text for a reader who pays for each character.
import type { Job } from "../training/job-store.ts";
import { LOSS } from "../training/loss-log.ts";
import { originOf } from "../training/run.ts";
import { configDifferences } from "./config-differences.ts";
import { commonSteps, valueAt } from "./equal-steps.ts";
import type { RunRecord } from "./run-record.ts";

export interface ComparedRun {
  readonly job: Job;
  readonly step: number | null;
  readonly record: RunRecord;
}

const STEPS = 10;
const DIFFERENCES_MAX = 60;

const rounded = (value: number | null | undefined) =>
  value === null || value === undefined ? null : Number(value.toPrecision(4));

/** Seconds from the start to the end, or until `now` for one that goes on. */
export function durationSeconds(
  { started_at, finished_at }: Pick<Job, "started_at" | "finished_at">,
  now: Date,
): number | null {
  if (started_at === null) return null;
  const end = finished_at === null ? now.getTime() : Date.parse(finished_at);
  return Math.round((end - Date.parse(started_at)) / 1000);
}

/** Names of the columns: the configs', numbered where two runs had the same. */
export function labelsOf(runs: readonly ComparedRun[]): string[] {
  const names = runs.map(({ job }) => job.config);
  return names.map((name, index) =>
    names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${index + 1})`,
  );
}

function lossTable(runs: readonly ComparedRun[]): { readonly loss_at_equal_steps: object } {
  const withLoss = runs.filter(({ record }) => record.trend.length > 0);
  const steps =
    withLoss.length < 2
      ? []
      : commonSteps(
          withLoss.map(({ record }) => record.trend),
          STEPS,
        );
  if (steps.length === 0) {
    return {
      loss_at_equal_steps: { note: "Fewer than two of the runs have logged a loss at the same steps" },
    };
  }
  return {
    loss_at_equal_steps: {
      smoothed: true,
      columns: ["step", ...labelsOf(runs)],
      rows: steps.map((step) => [step, ...runs.map(({ record }) => rounded(valueAt(record.trend, step)))]),
    },
  };
}

export function compare(runs: readonly ComparedRun[], now: Date): object {
  const labels = labelsOf(runs);
  const differences = [...configDifferences(runs.map(({ record }) => record.config))];
  const unknown = labels.filter((_, index) => runs[index]?.record.config === null);
  return {
    runs: runs.map(({ job, step, record }, index) => {
      const loss = record.curves.find(({ key }) => key === LOSS);
      return {
        run: labels[index],
        job_id: job.id,
        origin: originOf(job),
        status: job.status,
        ...(job.reason !== null && { reason: job.reason }),
        ...(job.trainer === "rehearsal" && { trainer: job.trainer }),
        step,
        total_steps: job.total_steps,
        final_loss: rounded(loss?.smoothed),
        min_loss: loss?.min ? { step: loss.min[0], value: rounded(loss.min[1]) } : null,
        seconds_per_step: rounded(record.seconds_per_step),
        duration_seconds: durationSeconds(job, now),
        checkpoints: record.checkpoints.length,
        samples: record.samples.length,
      };
    }),
    config_differences: Object.fromEntries(differences.slice(0, DIFFERENCES_MAX)),
    ...(differences.length > DIFFERENCES_MAX && { more_differences: differences.length - DIFFERENCES_MAX }),
    ...(unknown.length > 0 && { config_unknown: unknown }),
    ...lossTable(runs),
  };
}
