// How long the newest steps of a run took.
import { readLossLog } from "./loss-log.ts";
import { gapsOf, stepSeconds } from "./pace.ts";

/** One more than the step times that are looked at. */
const STEPS_READ = 51;
/** What was saved and sampled in between is few enough not to move the median. */
const UNINTERRUPTED = { saves: () => false, samplings: () => false };

/** Seconds of each of the newest steps since `since` (Unix seconds); empty before anything was logged. */
export function newestStepSeconds(outputFolder: string, since: number): number[] {
  const read = readLossLog(outputFolder, { since }, (log) => {
    const steps = log.steps(STEPS_READ).filter(({ wallTime }) => wallTime >= since);
    return stepSeconds(gapsOf(steps), UNINTERRUPTED);
  });
  return read ?? [];
}
