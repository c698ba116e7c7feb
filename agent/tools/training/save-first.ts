// A stop with a save: asks the trainer for a checkpoint and waits until it is whole. What was asked for and what came of
// it stands in agent.db: an agent that takes the stop over goes on waiting for the same checkpoint.
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { checkpointFacts } from "./checkpoint-facts.ts";
import { startedMsOf } from "./ending.ts";
import { jobFolder } from "./job-folder.ts";
import type { Job, JobStore } from "./job-store.ts";
import { median } from "./median.ts";
import { newestStepSeconds } from "./recent-pace.ts";
import { listCheckpoints, savedBytes } from "./run-files.ts";
import { decideSave } from "./save-decision.ts";
import { standstill } from "./standstill.ts";
import type { SavedCheckpoint } from "./stop-store.ts";
import { readReport, requestOf } from "./trainer-report.ts";

export interface SaveParts {
  readonly store: JobStore;
  readonly jobsPath: string;
  /** For how long a trainer may show no sign of life, if its steps are quicker than that. */
  readonly saveMs: number;
  /** Fires when this agent goes. */
  readonly closing: AbortSignal;
  /** Is the trainer's process gone? */
  readonly isOver: () => Promise<boolean>;
}

const WATCH_MS = 100;
/** A slow step is no standstill before it has taken this many times what steps take. */
const PATIENT_STEPS = 5;
/** While nothing is known of the pace: the first steps compile, and may take many minutes. */
const UNKNOWN_PACE_MS = 10 * 60_000;

/** Comes back when there is a whole checkpoint, when there will be none, or when nobody wants it any more. */
export async function saveFirst(parts: SaveParts, job: Job): Promise<void> {
  const { stops } = parts.store;
  const { database } = jobFolder(parts.jobsPath, job.id);
  const stoodStillMs = standstill();
  while (!parts.closing.aborted) {
    const stop = stops.get(job.id);
    if (!stop?.wantsSave || stop.saved || stop.notSaved !== null) return;
    const isOver = await parts.isOver(); // before the rest is looked at: it may still write until then
    const report = readReport(database, job.id);
    const decision = decideSave({
      isOver,
      info: report?.info,
      step: report?.step ?? 0,
      askedStep: stop.askedStep,
      newest: await newestOf(job),
    });
    if (decision === "take the next" && report) {
      stops.asked(job.id, report.step);
    } else if (decision === "ask" && report) {
      try {
        requestOf(database, job.id, "save_now");
        stops.asked(job.id, report.step);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        stops.notSaved(job.id, `The trainer could not be asked to save: ${why}`);
        return;
      }
    } else if (typeof decision === "object") {
      if ("saved" in decision) stops.saved(job.id, decision.saved);
      else stops.notSaved(job.id, decision.notSaved);
      return;
    }
    const sign = `${report?.info} ${report?.step} ${await savedBytes(job.output_folder, job.name)}`;
    const stillMs = stoodStillMs(sign);
    if (stillMs > parts.saveMs && stillMs > patienceMs(job)) {
      const seconds = Math.round(stillMs / 1000);
      stops.notSaved(job.id, `The trainer did not save, and showed no sign of life for ${seconds} s`);
      return;
    }
    await delay(WATCH_MS);
  }
}

/** The newest checkpoint that this run has written; undefined also while it is not whole. */
async function newestOf(job: Job): Promise<SavedCheckpoint | undefined> {
  const [newest] = await listCheckpoints(job.output_folder, job.name);
  if (!newest || newest.mtimeMs < startedMsOf(job)) return undefined;
  const facts = await checkpointFacts(join(job.output_folder, newest.name));
  return facts && facts.problem === null ? { name: newest.name, step: facts.step } : undefined;
}

function patienceMs(job: Job): number {
  const stepSeconds = median(newestStepSeconds(job.output_folder, startedMsOf(job) / 1000));
  return stepSeconds === null ? UNKNOWN_PACE_MS : PATIENT_STEPS * stepSeconds * 1000;
}
