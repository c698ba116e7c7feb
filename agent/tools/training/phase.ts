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

/** `log`: the end of it; only read when there is no report. */
export function phaseOf(job: Job, report: TrainerReport | undefined, log: string): Phase {
  if (job.status === "pending") return "queued";
  if (job.status !== "running") return "ended";
  if (job.stop_requested_at !== null) return "stopping";
  return report?.info ? reportedPhase(report, job.total_steps) : (phaseInLog(log, job.name) ?? "starting");
}
