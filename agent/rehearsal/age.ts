// The face of an older ai-toolkit, as far as a supervisor sees it: REHEARSAL_TOOLKIT is the day of its checkout.
import { PythonError } from "./python.ts";

export interface Age {
  /** Since 2025-09-16: the process type `diffusion_trainer`, which reports to the `Job` row. */
  readonly hasDiffusionTrainer: boolean;
  /** Since 2025-12-18. */
  readonly hasLossLog: boolean;
  /** Since 2026-05-26. */
  readonly takesSaveNow: boolean;
  /** Since 2026-07-17. */
  readonly takesSampleNow: boolean;
  /** Since 2026-07-22: SIGINT ends as `Job stopped`, exit 0. Before, as an uncaught KeyboardInterrupt: killed by SIGINT. */
  readonly takesInterruptAsStop: boolean;
  /** Since 2026-08-21: the bar counts completed steps. Before, one less, so that it ended at N-1/N. */
  readonly countsCompletedSteps: boolean;
}

/** @throws PythonError when it is no day: a misspelt one must not pass for today */
export function ageOf(day: string | undefined): Age {
  if (day && !/^\d{4}-\d{2}-\d{2}$/.test(day)) {
    throw new PythonError("ValueError", `REHEARSAL_TOOLKIT must be a day like 2025-06-01, not "${day}"`);
  }
  const isFrom = (since: string) => !day || day >= since;
  return {
    hasDiffusionTrainer: isFrom("2025-09-16"),
    hasLossLog: isFrom("2025-12-18"),
    takesSaveNow: isFrom("2026-05-26"),
    takesSampleNow: isFrom("2026-07-17"),
    takesInterruptAsStop: isFrom("2026-07-22"),
    countsCompletedSteps: isFrom("2026-08-21"),
  };
}
