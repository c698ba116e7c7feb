// How fast a run was, once it has ended: what later ones like it are measured by.
import type { Ending, Job } from "../training/job-store.ts";
import { median, readLossTail } from "../training/loss-log.ts";
import type { MeasuredRun } from "./speed.ts";

/** Fewer steps say nothing: the first ones include compilation and caches. */
const MEASURED_STEPS_MIN = 5;

export function measureRun(job: Job, ending: Ending): MeasuredRun | undefined {
  if (job.started_at === null) return undefined;
  const startedSeconds = Date.parse(job.started_at) / 1000;
  const gaps = readLossTail(job.output_folder, startedSeconds)?.stepSeconds ?? [];
  const secondsPerStep = gaps.length < MEASURED_STEPS_MIN ? null : median(gaps);
  if (secondsPerStep === null) return undefined;
  const { status, final_step, finished_at } = ending;
  if (status !== "completed" || final_step === null || job.first_step === null) {
    return { secondsPerStep, overheadSeconds: null };
  }
  const took = Date.parse(finished_at) / 1000 - startedSeconds;
  const overhead = took - (final_step - job.first_step) * secondsPerStep;
  return { secondsPerStep, overheadSeconds: Math.max(0, overhead) };
}
