// What a run is doing: by the trainer's own report, or by its log where it gives none.
import type { Phase } from "../../../shared/tools/training.ts";
import type { Job } from "./job-store.ts";
import { phaseInLog } from "./log-phase.ts";
import type { TrainerReport } from "./trainer-report.ts";

/** `info` texts of DiffusionTrainer.py; every other one is a model's own word, mostly for a part of its loading. */
function reportedPhase({ status, info, step }: TrainerReport, total: number | null): Phase {
  // It has said its last word and ends.
  if (status !== "running") return "stopping";
  if (info.startsWith("Generating images")) return step === 0 ? "baseline_samples" : "sampling";
  if (info.startsWith("Saving")) return "saving";
  if (info === "Training") return "training";
  // Steps count once the model is there: what it says then it says around a step, a save or a sampling.
  if (step > 0) return total !== null && step >= total ? "saving" : "training";
  if (info.startsWith("Loading dataset") || info.startsWith("Caching")) return "caching";
  return info === "Starting" ? "starting" : "loading";
}

type Place = Pick<Job, "first_step" | "total_steps">;

const isBefore = ({ first_step }: Place, { step }: TrainerReport) => step <= (first_step ?? 0);
const isBehind = ({ total_steps }: Place, { step }: TrainerReport) =>
  total_steps !== null && step >= total_steps;

/**
 * Does the report say "Training" outside of the steps? Before the first one it does so while the model is compiled and
 * until the baseline samples begin; after the last one between saving and sampling, and while all is put away.
 */
export function saysLittle(job: Place, report: TrainerReport): boolean {
  return (
    report.status === "running" &&
    report.info === "Training" &&
    (isBefore(job, report) || isBehind(job, report))
  );
}

function phaseAround(job: Job, report: TrainerReport, log: string): Phase | undefined {
  const logged = phaseInLog(log, job.name);
  if (isBehind(job, report)) return logged === "sampling" ? "stopping" : "saving";
  return logged === "saving" ? undefined : logged;
}

/** `log`: the end of it; only read when there is no report, or one that says little. */
export function phaseOf(job: Job, report: TrainerReport | undefined, log: string): Phase {
  if (job.status === "pending") return "queued";
  if (job.status !== "running") return "ended";
  if (job.stop_requested_at !== null) return "stopping";
  if (!report?.info) return phaseInLog(log, job.name) ?? "starting";
  const around = saysLittle(job, report) ? phaseAround(job, report, log) : undefined;
  return around ?? reportedPhase(report, job.total_steps);
}
