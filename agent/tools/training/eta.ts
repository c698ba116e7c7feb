// When a run will be done, and when it is worth looking again.
import type { JobStatus, Phase } from "../../../shared/tools/training.ts";
import { median } from "./median.ts";
import { MEASURED_STEPS_MIN, plannedSeconds } from "./pace.ts";
import type { BarProgress } from "./progress.ts";
import type { RunTraces } from "./run-traces.ts";

interface Position {
  readonly phase: Phase;
  readonly step: number | null;
  readonly total_steps: number | null;
}

export interface Pace {
  /** Measured in this run; null before. */
  readonly stepSeconds: number | null;
  readonly etaSeconds: number | null;
}

const UNDER_WAY: readonly Phase[] = ["training", "saving", "sampling"];

type Traces = Pick<RunTraces, "figures" | "toCome" | "costs" | "savedHere">;

/** @param nowMs milliseconds since 1970 */
export function paceOf(
  position: Position,
  bar: BarProgress | undefined,
  traces: Traces,
  nowMs: number,
): Pace {
  const stepSeconds = stepSecondsOf(bar, traces);
  const { phase, step, total_steps } = position;
  if (stepSeconds === null || step === null || total_steps === null || !UNDER_WAY.includes(phase)) {
    return { stepSeconds, etaSeconds: null };
  }
  const left = Math.max(0, total_steps - step);
  const interrupted = traces.toCome ? plannedSeconds(traces.toCome, traces.costs) : 0;
  const spent = spentSeconds(phase, left > 0 ? stepSeconds : 0, traces, nowMs);
  return { stepSeconds, etaSeconds: Math.max(0, left * stepSeconds + interrupted - spent) };
}

function stepSecondsOf(bar: BarProgress | undefined, { figures }: Traces): number | null {
  if (figures && figures.stepSeconds.length >= MEASURED_STEPS_MIN) return median(figures.stepSeconds);
  // Without a log of figures, or with nothing but saves and samples between its entries, the bar's own mean. It counts
  // the steps of earlier runs, too, so the time tells how many it has measured.
  if (!bar?.secondsPerStep) return null;
  const steps = Math.min(bar.step, (bar.elapsedSeconds ?? 0) / bar.secondsPerStep);
  return steps >= MEASURED_STEPS_MIN ? bar.secondsPerStep : null;
}

/**
 * What is done already of the present step and of what is saved and sampled in it, never more than it usually takes: an
 * estimate ticks down, and holds while the run is slow.
 */
function spentSeconds(
  phase: Phase,
  stepSeconds: number,
  { figures, costs, savedHere }: Traces,
  nowMs: number,
): number {
  if (!figures) return 0;
  const sinceStep = Math.max(0, nowMs / 1000 - figures.steppedAt);
  if (phase === "training") return Math.min(sinceStep, stepSeconds);
  const sinceSave = Math.max(0, sinceStep - stepSeconds);
  if (phase === "saving") return stepSeconds + Math.min(sinceSave, costs.save ?? 0);
  const sinceSampling = Math.max(0, sinceSave - (savedHere ? (costs.save ?? 0) : 0));
  return stepSeconds + Math.min(sinceSampling, costs.sampling ?? 0);
}

const POLL = { queued: 60, changing: 10, min: 5, max: 300, looks: 20 };

/** When a look is worth its turn: soon while things change quickly, seldom on a long run. */
export function nextPollSeconds(
  { status, phase }: { readonly status: JobStatus; readonly phase: Phase },
  eta: number | null,
): number | null {
  if (status !== "running") return status === "pending" ? POLL.queued : null;
  if (eta === null || phase !== "training") return POLL.changing;
  return Math.min(POLL.max, Math.max(POLL.min, Math.ceil(eta / POLL.looks)));
}
