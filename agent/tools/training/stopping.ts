// Stops a run step by step: a checkpoint if one is wanted, the flag, a save waited out, SIGINT, SIGTERM, SIGKILL.
import { setTimeout as delay } from "node:timers/promises";
import { isSaving } from "./is-saving.ts";
import { jobFolder } from "./job-folder.ts";
import { type Job, type JobStore, processOf } from "./job-store.ts";
import { isAlive, isRunning, type ProcessIdentity, readExit, sessionMembers, signalAll } from "./process.ts";
import { savedBytes } from "./run-files.ts";
import { saveFirst } from "./save-first.ts";
import { standstill } from "./standstill.ts";
import { requestOf } from "./trainer-report.ts";

/** How long each means of stopping may take before the next, harder one. Milliseconds. */
export interface StopGrace {
  /** For how long a checkpoint being written may not grow: cut short, it would be what a resume starts from. */
  readonly saveMs: number;
  /** SIGINT: ai-toolkit needs about two seconds, more with a large model to free. */
  readonly interruptMs: number;
  /** SIGTERM. Then comes SIGKILL. */
  readonly terminateMs: number;
}

const SAVE_GRACE_MS = 120_000;
const TERMINATE_GRACE_MS = 5_000;

/** `seconds` for a trainer to end after SIGINT; what comes then never takes longer than that. */
export function stopGrace(seconds = 30): StopGrace {
  const interruptMs = seconds * 1_000;
  return { saveMs: SAVE_GRACE_MS, interruptMs, terminateMs: Math.min(TERMINATE_GRACE_MS, interruptMs) };
}

/** How often something that ends any moment is looked at. */
const WATCH_MS = 50;
/** A launch that is under way is done within this time. */
const LAUNCH_MS = 2_000;
/** Nothing that can die lives longer than this after SIGKILL. */
const KILL_MS = 2_000;
/** A stop that broke off with an error is taken up again after this pause. */
const RETRY_MS = 5_000;

export interface StoppingParts {
  readonly store: JobStore;
  readonly jobsPath: string;
  readonly grace: StopGrace;
  readonly failed: (error: unknown, what: string) => void;
  /** Called when a stop has been driven as far as it goes. */
  readonly done: () => Promise<void>;
  /** Fires when this agent goes: the next one takes the stop up. */
  readonly closing: AbortSignal;
}

export class Stopping {
  readonly #parts: StoppingParts;
  readonly #driven = new Map<string, Promise<void>>();

  constructor(parts: StoppingParts) {
    this.#parts = parts;
  }

  /** Drives a requested stop to its end in the background; a second call for the same job changes nothing. */
  drive(job: Job): void {
    if (this.#driven.has(job.id)) return;
    const { failed, done, closing } = this.#parts;
    const driven = this.#escalate(job)
      .catch(async (error: unknown) => {
        failed(error, `stopping ${job.id}`);
        await delay(RETRY_MS, undefined, { signal: closing }).catch(() => {}); // closing: nothing to wait for
      })
      .finally(() => this.#driven.delete(job.id))
      .then(() => done());
    this.#driven.set(job.id, driven);
  }

  /** Takes up a requested stop that nobody drives any more, e.g. because the agent that was asked has died. */
  async adopt(job: Job, self: ProcessIdentity): Promise<void> {
    const { stops } = this.#parts.store;
    const driver = stops.get(job.id)?.driver;
    if (!driver) {
      stops.add(job.id, false, self); // asked for by an older version
    } else if (driver.pid !== self.pid || driver.startTicks !== self.startTicks) {
      if ((await isAlive(driver)) || !stops.takeOver(job.id, driver, self)) return;
    }
    this.drive(job);
  }

  async settled(): Promise<void> {
    await Promise.all(this.#driven.values());
  }

  async #escalate(job: Job): Promise<void> {
    const { store, jobsPath, grace, failed, closing } = this.#parts;
    const folder = jobFolder(jobsPath, job.id);
    const identity = await this.#launchedProcess(job);
    if (!identity) return;
    const gone = async () => (await readExit(folder.path)) !== undefined || !(await isRunning(identity));
    await saveFirst({ store, jobsPath, saveMs: grace.saveMs, closing, isOver: gone }, job);
    if (closing.aborted) return; // the next agent goes on, with all the time it takes
    try {
      // The flag first: with it set no new save begins, and it reaches a trainer whose handler swallows the signal.
      requestOf(folder.database, job.id, "stop");
    } catch (error) {
      failed(error, `telling ${job.id} to stop`); // the signals still can
    }
    await delay(WATCH_MS); // a save that began that very moment says so by then
    const stoodStillMs = standstill();
    while (!closing.aborted && !(await gone()) && (await isSaving(folder, job))) {
      if (stoodStillMs(String(await savedBytes(job.output_folder, job.name))) > grace.saveMs) break;
      await delay(WATCH_MS);
    }
    if (closing.aborted) return;
    for (const [signal, graceMs] of [
      ["SIGINT", grace.interruptMs],
      ["SIGTERM", grace.terminateMs],
      ["SIGKILL", KILL_MS],
    ] as const) {
      // The shim lives until it has written the exit status; the rest of the session is gone then.
      const members = (await sessionMembers(identity)).filter(
        (pid) => signal !== "SIGKILL" || pid !== identity.pid,
      );
      signalAll(members, signal);
      if ((await this.#until(graceMs, gone)) || closing.aborted) return;
    }
  }

  /** The process of a job that may be in the middle of being launched. */
  async #launchedProcess(job: Job): Promise<ProcessIdentity | undefined> {
    let current: Job | undefined = job;
    await this.#until(LAUNCH_MS, async () => {
      current = this.#parts.store.get(job.id);
      return current?.pid !== null || current.status !== "running";
    });
    return current && processOf(current);
  }

  /** Looks again and again until `isSo`, for `ms` at most. */
  async #until(ms: number, isSo: () => Promise<boolean>): Promise<boolean> {
    const end = performance.now() + ms;
    for (;;) {
      if (await isSo()) return true;
      if (performance.now() >= end || this.#parts.closing.aborted) return false;
      await delay(WATCH_MS);
    }
  }
}
