// How fast a run was, once it has ended: what later ones like it are measured by.
import type { Ending, Job } from "../training/job-store.ts";
import { median } from "../training/median.ts";
import { MEASURED_STEPS_MIN } from "../training/pace.ts";
import { newestStepSeconds } from "../training/recent-pace.ts";
import type { MeasuredRun } from "./speed.ts";

export function measureRun(job: Job, ending: Ending): MeasuredRun | undefined {
  if (job.started_at === null) return undefined;
  const startedSeconds = Date.parse(job.started_at) / 1000;
  const gaps = newestStepSeconds(job.output_folder, startedSeconds);
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
