// Keeps jobs and processes in step: starts the next one, notices the end, stops what shall stop. All it knows is in
// agent.db and in the job folders, so it may die at any moment and another one goes on.

import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { toToolError } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import { type Environment, trainerEnvironment } from "../../trainer/environment.ts";
import type { Trainer } from "../../trainer/trainer.ts";
import { setCutOffAside } from "./cut-off.ts";
import { type JobFolder, jobFolder } from "./job-folder.ts";
import type { Ending, Job, JobStore } from "./job-store.ts";
import { tailLog } from "./log-file.ts";
import {
  identify,
  isAlive,
  launch,
  type ProcessIdentity,
  readExit,
  readStarted,
  sessionMembers,
  signalAll,
} from "./process.ts";
import { parseProgress } from "./progress.ts";
import { listCheckpoints } from "./run-files.ts";
import { readReport, requestOf } from "./trainer-report.ts";
import { verdict } from "./verdict.ts";

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

/** How often processes and queue are looked at. */
const TICK_MS = 1_000;
/** How often something that ends any moment is looked at. */
const WATCH_MS = 50;
/** Workers that outlive their run get this long after SIGTERM. */
const LEFTOVER_MS = 2_000;
/** Lines of the log that a verdict is based on. */
const VERDICT_LINES = 300;

export interface SupervisorOptions {
  readonly store: JobStore;
  readonly jobsPath: string;
  /** @throws ToolError trainer_missing */
  readonly trainer: () => Promise<Trainer>;
  readonly log: Log;
  readonly grace?: StopGrace;
  readonly environment?: Environment;
  readonly now?: () => Date;
}

export class Supervisor implements AsyncDisposable {
  readonly #store: JobStore;
  readonly #options: Required<SupervisorOptions>;
  /** Who waits for the end of which job. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stopping = new Map<string, Promise<void>>();
  readonly #closing = new AbortController();
  #self: ProcessIdentity = { pid: process.pid, startTicks: null, bootId: null };
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> = Promise.resolve();
  #lastError: string | null = null;

  constructor(options: SupervisorOptions) {
    this.#store = options.store;
    this.#options = { grace: stopGrace(), environment: process.env, now: () => new Date(), ...options };
  }

  /** The last thing that went wrong in here, for /health. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Takes up all unfinished jobs, then keeps watching. */
  async start(): Promise<void> {
    this.#self = await identify(process.pid);
    await this.look();
    this.#timer = setInterval(() => void this.look(), TICK_MS).unref();
  }

  /** One round over all unfinished jobs; rounds never overlap. Never throws. */
  look(): Promise<void> {
    this.#round = this.#round.then(async () => {
      if (this.#closing.signal.aborted) return;
      try {
        for (const job of this.#store.unfinished()) if (job.status === "running") await this.#check(job);
        await this.#startNext();
        // Another agent may have ended what somebody waits for here.
        for (const id of this.#waiting.keys()) if (this.#isOver(id)) this.#tell(id);
      } catch (error) {
        this.#failed(error, "supervision");
      }
    });
    return this.#round;
  }

  /** Waits until a job has ended. @returns false when `signal` fired first */
  async ended(id: string, signal: AbortSignal): Promise<boolean> {
    if (this.#isOver(id) || signal.aborted) return this.#isOver(id);
    const told = Promise.withResolvers<void>();
    const tell = () => told.resolve();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(tell));
    signal.addEventListener("abort", tell, { once: true });
    await told.promise;
    signal.removeEventListener("abort", tell);
    waiting.delete(tell);
    if (waiting.size === 0) this.#waiting.delete(id);
    return this.#isOver(id);
  }

  #tell(id: string): void {
    for (const tell of this.#waiting.get(id) ?? []) tell();
  }

  #isOver(id: string): boolean {
    const status = this.#store.get(id)?.status;
    return status !== "running" && status !== "pending";
  }

  /** Begins to stop a job: at once when it waits, else step by step in the background. */
  requestStop(id: string): void {
    const now = this.#options.now().toISOString();
    if (this.#store.cancelPending(id, now)) {
      this.#tell(id);
      return;
    }
    if (this.#store.requestStop(id, now)) {
      const job = this.#store.get(id);
      if (job) this.#drive(job);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#round;
    await Promise.all(this.#stopping.values());
  }

  #folder(job: Job): JobFolder {
    return jobFolder(this.#options.jobsPath, job.id);
  }

  #failed(error: unknown, what: string): void {
    this.#lastError = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.log.error({ err: error }, what);
  }

  /** What became of a job that is said to run? */
  async #check(job: Job): Promise<void> {
    const folder = this.#folder(job);
    const identity = await this.#processOf(job, folder);
    if (!identity) return;
    const exitCode = await readExit(folder.path);
    if (exitCode === undefined && (await isAlive(identity))) {
      if (job.stop_requested_at !== null && (await this.#isAbandoned(job))) this.#drive(job);
      return;
    }
    // Between those two looks it may have ended and said so.
    await this.#finish(job, identity, exitCode ?? (await readExit(folder.path)) ?? null);
  }

  /** The process of a job; undefined while somebody else launches it, or when it had to go back to the queue. */
  async #processOf(job: Job, folder: JobFolder): Promise<ProcessIdentity | undefined> {
    const noted: ProcessIdentity | undefined =
      job.pid === null ? undefined : { pid: job.pid, startTicks: job.start_ticks, bootId: job.boot_id };
    if (noted && ((await isAlive(noted)) || (await readExit(folder.path)) !== undefined)) return noted;
    const started = await readStarted(folder.path);
    if (started && started.pid !== noted?.pid) {
      // Launched by somebody who could not note it down any more.
      const identity = { ...started, bootId: job.boot_id };
      this.#store.launched(job.id, identity);
      return identity;
    }
    if (noted) return noted;
    if (await isAlive(claimerOf(job))) return undefined; // about to launch it
    this.#store.unclaim(job, this.#options.now().toISOString());
    return undefined;
  }

  async #startNext(): Promise<void> {
    const job = this.#store.claimNext(this.#self, this.#options.now().toISOString());
    if (!job) return;
    const folder = this.#folder(job);
    let child: ChildProcess;
    try {
      const trainer = await this.#options.trainer();
      const env = trainerEnvironment(
        this.#options.environment,
        { AITK_JOB_ID: job.id },
        trainer.environmentPrefixes,
      );
      child = await launch({
        command: [...trainer.command, folder.config],
        cwd: trainer.cwd,
        env,
        folder: folder.path,
      });
    } catch (error) {
      this.#failed(error, `starting ${job.id}`);
      const { message, hint = null } = toToolError(error);
      this.#end(job, {
        status: "failed",
        exit_code: null,
        final_step: null,
        reason: `Could not be started: ${message}`,
        hint,
      });
      return;
    }
    child.once("exit", () => void this.look());
    // Were this not to be written down, the next round would find the process by its folder.
    this.#store.launched(job.id, await identify(child.pid ?? 0));
    this.#options.log.info({ job: job.id, config: job.config, pid: child.pid }, "training started");
  }

  async #finish(job: Job, identity: ProcessIdentity, exitCode: number | null): Promise<void> {
    await this.#clearSession(identity);
    const folder = this.#folder(job);
    const { lines } = await tailLog(folder.log, VERDICT_LINES);
    const report = readReport(folder.database, job.id);
    const startedMs = Date.parse(job.started_at ?? job.created_at);
    await this.#setCutOffAside(job, startedMs);
    const finalFile = (await listCheckpoints(job.output_folder, job.name)).some(
      ({ step, mtimeMs }) => step === null && mtimeMs >= startedMs,
    );
    // Asked for while we looked: our own wish counts.
    const stopRequested = this.#store.get(job.id)?.stop_requested_at !== null;
    const found = verdict({ exitCode, stopRequested, reported: report?.status, finalFile, lines });
    const reached = Math.max(report?.step ?? 0, parseProgress(lines.join("\n"), job.name)?.step ?? 0);
    this.#end(job, { ...found, exit_code: exitCode, final_step: reached });
  }

  async #setCutOffAside({ id, name, output_folder }: Job, startedMs: number): Promise<void> {
    try {
      const checkpoint = await setCutOffAside(output_folder, name, startedMs);
      if (checkpoint)
        this.#options.log.warn({ job: id, checkpoint }, "a checkpoint was cut off and set aside");
    } catch (error) {
      this.#failed(error, `looking at the checkpoints of ${id}`); // the run has ended all the same
    }
  }

  #end(job: Job, ending: Omit<Ending, "finished_at">): void {
    if (!this.#store.finish(job.id, { ...ending, finished_at: this.#options.now().toISOString() })) return;
    const { status, exit_code, reason } = ending;
    this.#options.log.info({ job: job.id, config: job.config, status, exit_code, reason }, "training ended");
    this.#tell(job.id);
    queueMicrotask(() => void this.look()); // the next one may start
  }

  /** Ends what outlived the run: data loader workers keep the GPU's memory. */
  async #clearSession(identity: ProcessIdentity): Promise<void> {
    let members = await sessionMembers(identity);
    if (members.length > 0) signalAll(members, "SIGTERM");
    for (let waited = 0; members.length > 0 && waited < LEFTOVER_MS; waited += WATCH_MS) {
      await delay(WATCH_MS);
      members = await sessionMembers(identity);
    }
    signalAll(members, "SIGKILL");
  }

  /** Nobody has brought a requested stop to its end, e.g. because the agent that was asked has died. */
  async #isAbandoned(job: Job): Promise<boolean> {
    const { saveMs, interruptMs, terminateMs } = this.#options.grace;
    const age = this.#options.now().getTime() - Date.parse(job.stop_requested_at ?? "");
    return age > saveMs + interruptMs + terminateMs || !(await isAlive(claimerOf(job)));
  }

  #drive(job: Job): void {
    if (this.#stopping.has(job.id)) return;
    const stopping = this.#escalate(job)
      .catch((error: unknown) => this.#failed(error, `stopping ${job.id}`))
      .finally(() => this.#stopping.delete(job.id))
      .then(() => this.look());
    this.#stopping.set(job.id, stopping);
  }

  async #escalate(job: Job): Promise<void> {
    const folder = this.#folder(job);
    const identity = await this.#launchedProcess(job);
    if (!identity) return;
    const { saveMs, interruptMs, terminateMs } = this.#options.grace;
    const gone = async () => !(await isAlive(identity));
    try {
      // The flag first: with it set no new save begins, and it reaches a trainer whose handler swallows the signal.
      requestOf(folder.database, job.id, "stop");
    } catch (error) {
      this.#failed(error, `telling ${job.id} to stop`); // the signals still can
    }
    await delay(WATCH_MS); // a save that began that very moment says so by then
    await this.#until(saveMs, async () => !isSaving(folder, job) || (await gone()));
    if (this.#closing.signal.aborted) return; // the next agent goes on, with all the time it takes
    for (const [signal, graceMs] of [
      ["SIGINT", interruptMs],
      ["SIGTERM", terminateMs],
      ["SIGKILL", LEFTOVER_MS],
    ] as const) {
      // The shim lives until it has written the exit status; the rest of the session is gone then.
      const members = (await sessionMembers(identity)).filter(
        (pid) => signal !== "SIGKILL" || pid !== identity.pid,
      );
      signalAll(members, signal);
      if ((await this.#until(graceMs, gone)) || this.#closing.signal.aborted) return;
    }
  }

  /** The process of a job that may be in the middle of being launched. */
  async #launchedProcess(job: Job): Promise<ProcessIdentity | undefined> {
    let current: Job | undefined = job;
    await this.#until(LEFTOVER_MS, async () => {
      current = this.#store.get(job.id);
      return current?.pid !== null || current.status !== "running";
    });
    if (!current || current.pid === null) return undefined;
    return { pid: current.pid, startTicks: current.start_ticks, bootId: current.boot_id };
  }

  /** Looks again and again until `isSo`, for `ms` at most. */
  async #until(ms: number, isSo: () => Promise<boolean>): Promise<boolean> {
    const end = performance.now() + ms;
    for (;;) {
      if (await isSo()) return true;
      if (performance.now() >= end || this.#closing.signal.aborted) return false;
      await delay(WATCH_MS);
    }
  }
}

/** A row that cannot be read this moment may say so: cutting off a checkpoint is worse than waiting. */
function isSaving({ database }: JobFolder, { id }: Job): boolean {
  const report = readReport(database, id);
  return report ? report.info === "Saving model" : existsSync(database);
}

/** The agent that started a job, or was about to. */
function claimerOf({ claimed_pid, claimed_ticks, boot_id }: Job): ProcessIdentity {
  return { pid: claimed_pid ?? 0, startTicks: claimed_ticks, bootId: boot_id };
}
