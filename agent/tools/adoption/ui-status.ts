// What a row of the web UI's database means. The UI repairs rows of processes that have died only while it runs itself,
// and says "stopped" before a process has stopped, so a row is believed only together with the process.
import type { JobStatus } from "../../../shared/tools/training.ts";
import { causeOf } from "../training/causes.ts";
import type { TrainerReport } from "../training/trainer-report.ts";
import type { UiJob } from "./ui-database.ts";

type State = Extract<JobStatus, "pending" | "running"> | "ended";

/** Between the row's "running" and the process there is the time that a spawn takes, or half a minute on Windows. */
const LAUNCH_MS = 30_000;
/** What the UI writes into `info` before it starts the process; the trainer's own first word is another. */
const LAUNCHING = "Starting job...";

/** @param isAlive its process was seen */
export function uiState({ status, info, updatedMs }: UiJob, isAlive: boolean, nowMs: number): State {
  if (isAlive) return "running";
  if (status === "queued") return "pending";
  const isLaunched = status === "running" && info === LAUNCHING && nowMs - (updatedMs ?? 0) < LAUNCH_MS;
  return isLaunched ? "pending" : "ended";
}

/** For sentences. Whoever makes a job chooses its words. */
export const uiTitle = (name: string) => `the ai-toolkit web UI's job '${name}'`;

/** Why one that is pending does not run yet. */
export function uiWaitingFor({ status, queueRuns, gpuIds }: UiJob): string {
  if (status !== "queued") return "The ai-toolkit web UI is starting it";
  return queueRuns === false
    ? `The queue for GPU ${gpuIds} in the ai-toolkit web UI is switched off: it is started there`
    : "It waits in the queue of the ai-toolkit web UI, which starts it";
}

/** These name what they say; all others are a model's words while it is loaded. */
const IN_TRAINING = /^(Training|Saving|Generating)/;

/** While it runs. The row keeps the step of an earlier run until training begins. */
export function uiReport({ status, info, step, speed, stops }: UiJob): TrainerReport {
  const ends = stops || status !== "running";
  return {
    status: ends ? "stopping" : "running",
    info: info === LAUNCHING ? "Starting" : info,
    step: ends || IN_TRAINING.test(info) ? step : 0,
    speed,
  };
}

export interface UiEnding {
  readonly status: Exclude<JobStatus, "pending" | "running">;
  readonly reason: string | null;
  readonly hint: string | null;
}

const GO_ON = "Start it again in the ai-toolkit web UI: it goes on from its last checkpoint";
const NEVER = "It was made in the ai-toolkit web UI and not started yet";

/** @param lines the end of its log, cleaned */
export function uiEnding(job: UiJob, hasBegun: boolean, lines: readonly string[]): UiEnding {
  switch (job.status) {
    case "completed":
      return { status: "completed", reason: null, hint: null };
    case "error": {
      // What it says of a process that vanished is no more than that; then the log tells.
      const said = lines.some((line) => line.startsWith("Error running job: "));
      const { reason, hint } = causeOf(said ? lines : [`Error running job: ${job.info}`], 1);
      return { status: "failed", reason, hint };
    }
    case "running": {
      const { reason } = causeOf(lines, null);
      return { status: "failed", reason, hint: GO_ON };
    }
    case "stopped":
    case "stopping":
      return {
        status: "stopped",
        reason: hasBegun ? "Stopped in the ai-toolkit web UI" : NEVER,
        hint: GO_ON,
      };
    default:
      return {
        status: "stopped",
        reason: `The ai-toolkit web UI calls it '${job.status.slice(0, 60)}'`,
        hint: "Look it up there",
      };
  }
}
