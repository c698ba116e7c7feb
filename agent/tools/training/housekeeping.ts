// While the agent is there: keeps the logs of running jobs below their limit, and makes the records of ended ones.
import type { Log } from "../../../shared/log.ts";
import { exclusively } from "../../files/exclusive.ts";
import { recordJob } from "../history/record-keeper.ts";
import { jobFolder } from "./job-folder.ts";
import type { Job, JobStore } from "./job-store.ts";
import { isOverLimit, rotateLog } from "./log-rotation.ts";
import { Rounds } from "./rounds.ts";

/** How often logs are measured: what a trainer prints in this time may stand above the limit for as long. */
const ROUND_MS = 1_000;
/** Records made in one round; an upgrade finds many jobs without. */
const RECORDS_PER_ROUND = 20;

export interface HousekeepingOptions {
  readonly store: Pick<JobStore, "unfinished" | "unrecorded" | "keepRecord" | "record">;
  readonly jobsPath: string;
  /** A file of our own, see exclusively(). */
  readonly lockPath: string;
  readonly maxLogBytes: number;
  readonly log: Log;
}

export class Housekeeping implements AsyncDisposable {
  readonly #options: HousekeepingOptions;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  readonly #rounds = new Rounds(() => this.#round().catch((error: unknown) => this.#failed(error)));
  #lastError = "";

  constructor(options: HousekeepingOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), ROUND_MS).unref();
  }

  /** A round that begins now, or after the present one. Never throws. */
  look(): Promise<void> {
    return this.#rounds.ask();
  }

  async #round(): Promise<void> {
    const { store } = this.#options;
    for (const job of store.unfinished()) if (job.status === "running") await this.#limitLog(job);
    for (const job of store.unrecorded(RECORDS_PER_ROUND)) {
      if (this.#closing.signal.aborted) return;
      await this.#settle(job);
    }
  }

  /** What is due when a job has ended: before a later run of the same folder changes what it left there. Never throws. */
  ended(job: Job): Promise<void> {
    return this.#settle(job).catch((error: unknown) => this.#failed(error));
  }

  async #settle(job: Job): Promise<void> {
    await this.#limitLog(job);
    await recordJob(this.#options, job);
  }

  async #limitLog({ id }: Job): Promise<void> {
    const { jobsPath, lockPath, maxLogBytes } = this.#options;
    const path = jobFolder(jobsPath, id).log;
    if (!(await isOverLimit(path, maxLogBytes))) return;
    // Two agents at the same log would each cut away what the other has not copied.
    await exclusively(lockPath, () => rotateLog(path, maxLogBytes));
  }

  #failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    // A full disk says the same every second.
    if (message !== this.#lastError) this.#options.log.warn({ err: error }, "housekeeping failed");
    this.#lastError = message;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#closing.abort();
    await this.#rounds.settled();
  }
}
