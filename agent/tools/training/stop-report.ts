// What a stop, or any other end, means for whoever wants to go on later.
import { basename } from "node:path";
import type * as v from "valibot";
import type { StopFacts } from "../../../shared/tools/training.ts";
import type { Job, JobStore } from "./job-store.ts";
import { resumePoint } from "./resume-point.ts";

type Facts = v.InferInput<typeof StopFacts>;

/** @param step Steps done until now; null when that is not known */
export async function stopReport(
  store: Pick<JobStore, "stops">,
  job: Job,
  step: number | null,
): Promise<Facts> {
  const stop = store.stops.get(job.id);
  // A process may have a name of its own: its folder is called so, and a resume looks for it.
  const point = await resumePoint(job.output_folder, basename(job.output_folder));
  const resumeStep = point ? point.step : 0;
  const isLossKnown = resumeStep !== null && step !== null;
  return {
    saved_checkpoint: stop?.saved ?? null,
    not_saved: stop?.notSaved ?? null,
    resume_from_step: resumeStep,
    lost_steps: isLossKnown ? Math.max(0, step - resumeStep) : null,
  };
}
