// Keeps jobs and processes in step: starts the next one, notices the end, stops what shall stop. All it knows is in
// agent.db and in the job folders, so it may die at any moment and another one goes on.

import type { ChildProcess } from "node:child_process";
import { toToolError } from "../../../shared/errors.ts";
import type { Log } from "../../../shared/log.ts";
import type { GpuWatch } from "../../gpus/gpu-watch.ts";
import type { Environment } from "../../trainer/environment.ts";
import type { Trainer } from "../../trainer/trainer.ts";
import { FolderWatch } from "../queue/folder-watch.ts";
import { measureRun } from "../queue/measure.ts";
import { Starter } from "../queue/starter.ts";
import { clearSession } from "./clear-session.ts";
import { setCutOffAside } from "./cut-off.ts";
import { endingOf, startedMsOf } from "./ending.ts";
import { jobFolder } from "./job-folder.ts";
import { claimerOf, type Ending, type Job, type JobStore, processOf } from "./job-store.ts";
import { launchJob } from "./launch-job.ts";
import {
  identify,
  isAlive,
  isRunning,
  type ProcessIdentity,
  readExit,
  readStarted,
  revokeTickets,
} from "./process.ts";
import { Rounds } from "./rounds.ts";
import { saveFirst } from "./save-first.ts";
import { type StopGrace, Stopping, stopGrace } from "./stopping.ts";

/** How often processes and queue are looked at. */
const TICK_MS = 1_000;
export interface SupervisorOptions {
  readonly store: JobStore;
  readonly jobsPath: string;
  /** @throws ToolError trainer_missing */
  readonly trainer: () => Promise<Trainer>;
  readonly gpus: GpuWatch;
  readonly log: Log;
  readonly grace?: StopGrace;
  readonly environment?: Environment;
  readonly now?: () => Date;
  /** Told of each run that has ended, before the next one in its folder may start. */
  readonly ended?: (job: Job) => Promise<void>;
  readonly folders?: FolderWatch;
}

export class Supervisor implements AsyncDisposable {
  readonly #store: JobStore;
  readonly #options: Required<SupervisorOptions>;
  /** Who waits for the end of which job. */
  readonly #waiting = new Map<string, Set<() => void>>();
  readonly #stopping: Stopping;
  readonly #starter: Starter;
  readonly #closing = new AbortController();
  #self: ProcessIdentity = { pid: process.pid, startTicks: null, bootId: null };
  #timer: NodeJS.Timeout | undefined;
  readonly #rounds = new Rounds(() => this.#round());
  /** Jobs whose process is gone, and the work on their ends: one after the other, beside the rounds. */
  readonly #ending = new Set<string>();
  #endings: Promise<void> = Promise.resolve();
  #lastError: string | null = null;

  constructor(options: SupervisorOptions) {
    this.#store = options.store;
    this.#options = {
      grace: stopGrace(),
      environment: process.env,
      now: () => new Date(),
      ended: async () => {},
      folders: new FolderWatch(),
      ...options,
    };
    const { store, jobsPath, gpus, folders, grace, now } = this.#options;
    this.#starter = new Starter({ store, gpus, folders, now, looked: () => void this.look() });
    this.#stopping = new Stopping({
      store,
      jobsPath,
      grace,
      failed: (error, what) => this.#failed(error, what),
      done: () => this.look(),
      closing: this.#closing.signal,
    });
  }

  /** The last thing that went wrong in here, for /health. */
  get lastError(): string | null {
    return this.#lastError;
  }

  /** Takes up all unfinished jobs, then keeps watching. */
  async start(): Promise<void> {
    this.#self = await identify(process.pid);
    await this.look();
    await this.#endings;
    this.#timer = setInterval(() => void this.look(), TICK_MS).unref();
  }

  /**
   * A round over all unfinished jobs that begins now, or after the present one. What has ended is noticed by then, and
   * dealt with soon: what a run left behind may take seconds to go, and no start waits for that. Never throws.
   */
  look(): Promise<void> {
    return this.#rounds.ask();
  }

  async #round(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    try {
      for (const job of this.#store.running()) {
        if (this.#ending.has(job.id)) continue;
        await this.#check(job).catch((error: unknown) => {
          this.#failed(error, `looking after ${job.id}`); // the others are looked after all the same
        });
      }
      await this.#startWaiting();
      // Another agent may have ended what somebody waits for here.
      for (const id of this.#waiting.keys()) if (this.#isOver(id)) this.#tell(id);
    } catch (error) {
      this.#failed(error, "supervision");
    }
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

  /**
   * Begins to stop a job: at once when it waits, else step by step in the background. Asked again without a save, it
   * no longer waits for one.
   */
  requestStop(id: string, save: boolean): void {
    const now = this.#options.now().toISOString();
    if (this.#store.cancelPending(id, now)) {
      this.#tell(id);
      return;
    }
    if (this.#store.requestStop(id, now, save, this.#self)) {
      const job = this.#store.get(id);
      if (job) this.#stopping.drive(job);
    } else if (!save) {
      this.#store.stops.notSaved(id, "A second stop asked not to wait for it");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#rounds.settled();
    await this.#endings;
    await this.#stopping.settled();
  }

  #failed(error: unknown, what: string): void {
    this.#lastError = `${what}: ${error instanceof Error ? error.message : String(error)}`;
    this.#options.log.error({ err: error }, what);
  }

  /** What became of a job that is said to run? */
  async #check(job: Job): Promise<void> {
    const folder = jobFolder(this.#options.jobsPath, job.id).path;
    const identity = await this.#processOf(job, folder);
    if (!identity) return;
    const exitCode = await readExit(folder);
    if (exitCode === undefined && (await isRunning(identity))) {
      if (job.stop_requested_at !== null) await this.#stopping.adopt(job, this.#self);
      return;
    }
    // Between those two looks it may have ended and said so.
    const lastWord = exitCode ?? (await readExit(folder)) ?? null;
    this.#ending.add(job.id);
    this.#endings = this.#endings.then(() => this.#conclude(job, identity, lastWord));
  }

  /** Never rejects. */
  async #conclude(job: Job, identity: ProcessIdentity, exitCode: number | null): Promise<void> {
    const free = this.#options.folders.reserve(job.output_folder, "Its folder is being looked through");
    try {
      // Those before it took their time: by now another agent may have ended it, and a new run have its folder.
      if (this.#store.get(job.id)?.status === "running") await this.#finish(job, identity, exitCode);
    } catch (error) {
      this.#failed(error, `looking after ${job.id}`);
      return; // the next tick tries again
    } finally {
      free();
      this.#ending.delete(job.id);
    }
    void this.look(); // the next one may start
  }

  /** The process of a job; undefined while somebody else launches it, or when it had to go back to the queue. */
  async #processOf(job: Job, folder: string): Promise<ProcessIdentity | undefined> {
    const noted = processOf(job);
    if (noted && ((await isRunning(noted)) || (await readExit(folder)) !== undefined)) return noted;
    const claimer = claimerOf(job);
    if (!noted && (await isAlive(claimer))) return undefined; // about to launch it
    await revokeTickets(folder, claimer);
    const started = await readStarted(folder);
    if (started && started.pid !== noted?.pid) {
      // Launched by somebody who could not note it down any more.
      const identity = { ...started, bootId: job.boot_id };
      this.#store.launched(job.id, identity);
      return identity;
    }
    if (noted) return noted;
    this.#store.unclaim(job, this.#options.now().toISOString());
    return undefined;
  }

  async #startWaiting(): Promise<void> {
    for (;;) {
      const job = await this.#starter.claimNext(this.#self);
      if (!job) return;
      await this.#launch(job);
    }
  }

  async #launch(job: Job): Promise<void> {
    let child: ChildProcess;
    try {
      child = await launchJob(this.#options, job);
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
    const { id, config, gpu_index: gpu } = job;
    this.#options.log.info({ job: id, config, pid: child.pid, gpu }, "training started");
  }

  async #finish(job: Job, identity: ProcessIdentity, exitCode: number | null): Promise<void> {
    await clearSession(identity, job.id);
    await this.#lookAtCheckpoints(job).catch((error: unknown) => {
      this.#failed(error, `looking at the checkpoints of ${job.id}`); // the run has ended all the same
    });
    const stopRequested = () => this.#store.get(job.id)?.stop_requested_at !== null;
    const isOurs = this.#end(job, await endingOf(this.#options.jobsPath, job, exitCode, stopRequested));
    const ended = this.#store.get(job.id);
    // Whoever ended it looks at what it left, once: its folder may have a new run by now.
    if (isOurs && ended) await this.#options.ended(ended);
  }

  async #lookAtCheckpoints(job: Job): Promise<void> {
    const { store, jobsPath, grace, log } = this.#options;
    const { id, name, output_folder } = job;
    const checkpoints = await setCutOffAside(output_folder, name, startedMsOf(job));
    if (checkpoints.length > 0) log.warn({ job: id, checkpoints }, "a checkpoint was cut off and set aside");
    // Whoever waits for one learns what has become of it, also when the run ended before anybody was asked.
    const [closing, isOver] = [this.#closing.signal, async () => true];
    await saveFirst({ store, jobsPath, saveMs: grace.saveMs, closing, isOver }, job);
  }

  /** @returns false when somebody else was quicker */
  #end(job: Job, ending: Omit<Ending, "finished_at">): boolean {
    const ended = { ...ending, finished_at: this.#options.now().toISOString() };
    if (!this.#store.finish(job.id, ended)) return false;
    this.#measure(job, ended);
    const { status, exit_code, reason } = ending;
    this.#options.log.info({ job: job.id, config: job.config, status, exit_code, reason }, "training ended");
    this.#options.gpus.expire();
    this.#tell(job.id);
    return true;
  }

  #measure(job: Job, ending: Ending): void {
    try {
      const measured = measureRun(job, ending);
      if (measured) this.#store.speeds.record(job.id, measured);
    } catch (error) {
      this.#failed(error, `measuring ${job.id}`); // only a forecast is the poorer
    }
  }
}
