// How a run ended. The exit code alone is wrong both ways: ai-toolkit exits 0 when it is interrupted and 1 when it is
// asked to stop (ai-toolkit.md §1.4, §8.5), so everything that is known is weighed together.
import { causeOf } from "./causes.ts";
import type { Ending } from "./job-store.ts";

export interface Evidence {
  /** From the shim; null when the process is gone without a status. */
  readonly exitCode: number | null;
  /** We meant it to stop. */
  readonly stopRequested: boolean;
  /** `status` of the trainer's own report; undefined without one. */
  readonly reported: string | undefined;
  /** The final, unnumbered model file is newer than this run's start. */
  readonly finalFile: boolean;
  /** There is a checkpoint that a resume would go on from. */
  readonly resumable: boolean;
  /** The end of the log, cleaned, oldest first. */
  readonly lines: readonly string[];
}

type Verdict = Pick<Ending, "status" | "reason" | "hint">;

const COMPLETED: Verdict = { status: "completed", reason: null, hint: null };
const BY_US = "Stopped on request";
const BY_OTHERS = "Stopped from outside: somebody interrupted the trainer";
const REQUEUED = "Stopped from outside: somebody sent it back to a queue";

const GO_ON = "start_training with resume: true goes on from the last checkpoint";
const ANEW = "No checkpoint was saved: start_training begins anew";

/** 128+2: toolkits from before 2026-07-22 let Python end by the interrupt itself. */
const INTERRUPTED = 130;
/** 128+9 and 128+15: ended by the other signals we send. */
const SIGNAL_CODES = new Set([INTERRUPTED, 137, 143]);

export function verdict(evidence: Evidence): Verdict {
  const { exitCode, stopRequested, reported, finalFile, resumable, lines } = evidence;
  const stopped = (reason: string): Verdict => ({
    status: "stopped",
    reason,
    hint: resumable ? GO_ON : ANEW,
  });
  const saidStopped =
    exitCode === INTERRUPTED ||
    reported === "stopped" ||
    lines.some((line) => line === "Job stopped" || line.endsWith(": Job stopped"));
  if (exitCode === 0) {
    if (reported === "completed") return COMPLETED;
    if (finalFile && !saidStopped) return COMPLETED;
    if (stopRequested) return stopped(BY_US);
    if (saidStopped) return stopped(BY_OTHERS);
    return { status: "failed", ...causeOf(lines, exitCode) };
  }
  // All was written before something on the way out went wrong.
  if (reported === "completed" && finalFile) return COMPLETED;
  if (stopRequested && (exitCode === null || SIGNAL_CODES.has(exitCode) || saidStopped))
    return stopped(BY_US);
  if (saidStopped) return stopped(BY_OTHERS);
  if (lines.some((line) => line.endsWith(": Job returning to queue"))) return stopped(REQUEUED);
  return { status: "failed", ...causeOf(lines, exitCode) };
}
