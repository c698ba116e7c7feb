// Stops a run step by step: the flag, a save waited out, SIGINT, SIGTERM, SIGKILL.
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { type JobFolder, jobFolder } from "./job-folder.ts";
import { claimerOf, type Job, type JobStore, processOf } from "./job-store.ts";
import { isAlive, type ProcessIdentity, sessionMembers, signalAll } from "./process.ts";
import { readReport, requestOf } from "./trainer-report.ts";

/** How long each means of stopping may take before the next, harder one. Milliseconds. */
export interface StopGrace {
  /** A checkpoint being written is finished first: cut short, it would be what a resume starts from. */
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
/** Workers that outlive their run get this long after SIGTERM. */
const LEFTOVER_MS = 2_000;

export interface StoppingParts {
  readonly store: JobStore;
  readonly jobsPath: string;
  readonly grace: StopGrace;
  readonly now: () => Date;
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
    const driven = this.#escalate(job)
      .catch((error: unknown) => this.#parts.failed(error, `stopping ${job.id}`))
      .finally(() => this.#driven.delete(job.id))
      .then(() => this.#parts.done());
    this.#driven.set(job.id, driven);
  }

  /** Nobody has brought a requested stop to its end, e.g. because the agent that was asked has died. */
  async isAbandoned(job: Job): Promise<boolean> {
    const { saveMs, interruptMs, terminateMs } = this.#parts.grace;
    const age = this.#parts.now().getTime() - Date.parse(job.stop_requested_at ?? "");
    return age > saveMs + interruptMs + terminateMs || !(await isAlive(claimerOf(job)));
  }

  async settled(): Promise<void> {
    await Promise.all(this.#driven.values());
  }

  async #escalate(job: Job): Promise<void> {
    const { jobsPath, grace, failed, closing } = this.#parts;
    const folder = jobFolder(jobsPath, job.id);
    const identity = await this.#launchedProcess(job);
    if (!identity) return;
    const gone = async () => !(await isAlive(identity));
    try {
      // The flag first: with it set no new save begins, and it reaches a trainer whose handler swallows the signal.
      requestOf(folder.database, job.id, "stop");
    } catch (error) {
      failed(error, `telling ${job.id} to stop`); // the signals still can
    }
    await delay(WATCH_MS); // a save that began that very moment says so by then
    await this.#until(grace.saveMs, async () => !isSaving(folder, job) || (await gone()));
    if (closing.aborted) return; // the next agent goes on, with all the time it takes
    for (const [signal, graceMs] of [
      ["SIGINT", grace.interruptMs],
      ["SIGTERM", grace.terminateMs],
      ["SIGKILL", LEFTOVER_MS],
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
    await this.#until(LEFTOVER_MS, async () => {
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

/** Ends what outlived a run: data loader workers keep the GPU's memory. */
export async function clearSession(identity: ProcessIdentity): Promise<void> {
  let members = await sessionMembers(identity);
  if (members.length > 0) signalAll(members, "SIGTERM");
  for (let waited = 0; members.length > 0 && waited < LEFTOVER_MS; waited += WATCH_MS) {
    await delay(WATCH_MS);
    members = await sessionMembers(identity);
  }
  signalAll(members, "SIGKILL");
}

/** A row that cannot be read this moment may say so: cutting off a checkpoint is worse than waiting. */
function isSaving({ database }: JobFolder, { id }: Job): boolean {
  const report = readReport(database, id);
  return report ? report.info === "Saving model" : existsSync(database);
}
