// A process that lives and does nothing. What is normal depends on the phase and on the run's own pace.
import type { Check, Watched } from "./watched.ts";

/** How often its own usual time a thing may take. */
const TIMES = { step: 20, save: 5, sampling: 3 };

const MINUTES = 60;

/**
 * Silence that is normal in a phase, in seconds; undefined where silence means nothing. A model that swaps, a first step
 * that is compiled, a long video that is drawn or decoded print nothing for many minutes; downloads and caching draw bars.
 */
function allowedSeconds({ phase, stepSeconds, saveSeconds, samplingSeconds }: Watched): number | undefined {
  switch (phase) {
    case "starting":
      return 15 * MINUTES;
    case "loading":
      return 45 * MINUTES;
    case "caching":
      return 30 * MINUTES;
    case "baseline_samples":
    case "sampling":
      return Math.max(20 * MINUTES, TIMES.sampling * (samplingSeconds ?? 0));
    case "training":
      // The first steps compile and fill caches.
      return stepSeconds === null ? 45 * MINUTES : Math.max(5 * MINUTES, TIMES.step * stepSeconds);
    case "saving":
      return Math.max(15 * MINUTES, TIMES.save * (saveSeconds ?? 0));
    default:
      return undefined;
  }
}

export const stall: Check = (watched) => {
  const { quietSeconds, phase } = watched;
  const allowed = allowedSeconds(watched);
  if (allowed === undefined || quietSeconds === null || quietSeconds <= allowed) return undefined;
  const usual =
    watched.stepSeconds !== null && phase === "training"
      ? `, and a step takes ${Number(watched.stepSeconds.toPrecision(2))} s`
      : "";
  const loads = phase === "starting" || phase === "loading";
  return {
    code: "stalled",
    message: `Nothing has happened for ${Math.round(quietSeconds / MINUTES)} minutes: no step and no word in the log (phase ${phase}${usual}).`,
    hint: loads
      ? "A download may hang (setting HF_HUB_DISABLE_XET=1 for the agent helps), or the machine swaps; get_training_logs shows the last line, then stop it and start again"
      : "Stop it and start again with resume: true; get_training_logs shows the last line, get_system_stats whether the GPU works",
  };
};
