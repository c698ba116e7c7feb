// Jobs in agent.db. Several agents may share one file (a service and stdio servers of LLM clients), so every change
// of state is one conditional statement: whoever comes second changes nothing.
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { JobStatus } from "../../../shared/tools/training.ts";
import { REQUESTS, type Request, type TrainerKind } from "../../trainer/trainer.ts";
import { type AssignedGpu, QUEUE_ORDER, QueueStore, type QueueWish } from "../queue/queue-store.ts";
import { type SpeedRecord, SpeedStore } from "../queue/speed-store.ts";
import { openAgentDatabase } from "./agent-database.ts";
import type { ProcessIdentity } from "./process.ts";
import { StopStore } from "./stop-store.ts";
import { transaction } from "./transaction.ts";

/** A job as stored. Times are ISO 8601 UTC. */
export interface Job extends QueueWish, AssignedGpu, SpeedRecord {
  readonly id: string;
  readonly config: string;
  /** `config.name` of the config: the run's folder and file prefix. */
  readonly name: string;
  readonly trainer: TrainerKind;
  readonly status: JobStatus;
  readonly total_steps: number | null;
  /** Absolute folder of the run's output. */
  readonly output_folder: string;
  /** Absolute folders it reads. */
  readonly dataset_folders: readonly string[];
  /** What its trainer can be asked; nothing where it does not report. */
  readonly requests: readonly Request[];
  readonly created_at: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  readonly pid: number | null;
  readonly start_ticks: number | null;
  readonly boot_id: string | null;
  /** Who is launching it, while it has no pid. */
  readonly claimed_pid: number | null;
  readonly claimed_ticks: number | null;
  readonly stop_requested_at: string | null;
  readonly exit_code: number | null;
  /** Steps done when it ended. */
  readonly final_step: number | null;
  readonly reason: string | null;
  readonly hint: string | null;
  /** `finished_at` of the ending that its record tells of; see `unrecorded`. */
  readonly recorded_end: string | null;
}

type Row = Omit<Job, "dataset_folders" | "requests" | "held" | "forced"> &
  Readonly<Record<"dataset_folders" | "requests", string>> &
  Readonly<Record<"held" | "forced", number>>;

export type NewJob = Pick<
  Job,
  "id" | "config" | "name" | "trainer" | "total_steps" | "output_folder" | "dataset_folders" | "created_at"
> &
  Partial<QueueWish & Pick<SpeedRecord, "speed_key" | "first_step"> & Pick<Job, "requests">>;

/** Which of the waiting jobs starts now, and on which GPU. Both lists are in the queue's order. */
export type Choose = (
  waiting: readonly Job[],
  running: readonly Job[],
) => { readonly id: string; readonly gpu: AssignedGpu } | undefined;

const NO_GPU: AssignedGpu = { gpu_uuid: null, gpu_index: null, gpu_name: null };

/** One after the other. */
const chooseFirst: Choose = ([first], running) =>
  first && running.length === 0 ? { id: first.id, gpu: NO_GPU } : undefined;

export interface Ending {
  readonly status: Extract<JobStatus, "completed" | "failed" | "stopped">;
  readonly exit_code: number | null;
  readonly final_step: number | null;
  readonly reason: string | null;
  readonly hint: string | null;
  readonly finished_at: string;
}

/** The process of a launched job; undefined while it has none. */
export function processOf({ pid, start_ticks, boot_id }: Job): ProcessIdentity | undefined {
  return pid === null ? undefined : { pid, startTicks: start_ticks, bootId: boot_id };
}

/** The agent that started a job, or is about to. */
export function claimerOf({ claimed_pid, claimed_ticks, boot_id }: Job): ProcessIdentity {
  return { pid: claimed_pid ?? 0, startTicks: claimed_ticks, bootId: boot_id };
}

const UNFINISHED = "status IN ('pending', 'running')";

export class JobStore implements Disposable {
  readonly #db: DatabaseSync;
  readonly queue: QueueStore;
  readonly speeds: SpeedStore;
  readonly stops: StopStore;
  #usedFolders: { readonly key: string; readonly folders: ReadonlySet<string> } | undefined;

  constructor(path: string) {
    this.#db = openAgentDatabase(path);
    this.queue = new QueueStore(this.#db);
    this.speeds = new SpeedStore(this.#db);
    this.stops = new StopStore(this.#db);
  }

  #transaction<T>(work: () => T): T {
    return transaction(this.#db, work);
  }

  #all(where: string, ...values: SQLInputValue[]): Job[] {
    const rows = this.#db.prepare(`SELECT * FROM jobs ${where}`).all(...values) as unknown as Row[];
    return rows.map((row) => ({
      ...row,
      dataset_folders: JSON.parse(row.dataset_folders) as string[],
      held: row.held === 1,
      forced: row.forced === 1,
      requests: REQUESTS.filter((request) => row.requests.split(" ").includes(request)),
    }));
  }

  #change(sql: string, ...values: SQLInputValue[]): boolean {
    return Number(this.#db.prepare(sql).run(...values).changes) > 0;
  }

  /**
   * Adds a pending job unless an unfinished one has the same config or writes the same folder.
   * @returns the id of that other job, or undefined when the new one was added
   */
  add(job: NewJob): string | undefined {
    return this.#transaction(() => {
      const [other] = this.#all(
        `WHERE ${UNFINISHED} AND (config = ? OR output_folder = ?) LIMIT 1`,
        job.config,
        job.output_folder,
      );
      if (other) return other.id;
      this.#db
        .prepare(
          `INSERT INTO jobs (id, config, name, trainer, status, total_steps, output_folder, dataset_folders, requests, created_at,
                             wished_gpu, held, forced, speed_key, first_step)
           VALUES (?, ?, ?, ?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          job.id,
          job.config,
          job.name,
          job.trainer,
          job.total_steps,
          job.output_folder,
          JSON.stringify(job.dataset_folders),
          (job.requests ?? REQUESTS).join(" "),
          job.created_at,
          job.wished_gpu ?? null,
          job.held ? 1 : 0,
          job.forced ? 1 : 0,
          job.speed_key ?? null,
          job.first_step ?? null,
        );
      return undefined;
    });
  }

  get(id: string): Job | undefined {
    return this.#all("WHERE id = ?", id)[0];
  }

  /** Newest first. */
  list(limit: number, status?: JobStatus): Job[] {
    return status === undefined
      ? this.#all("ORDER BY seq DESC LIMIT ?", limit)
      : this.#all("WHERE status = ? ORDER BY seq DESC LIMIT ?", status, limit);
  }

  count(status?: JobStatus): number {
    const sql = `SELECT count(*) AS n FROM jobs${status ? " WHERE status = ?" : ""}`;
    const row = this.#db.prepare(sql).get(...(status ? [status] : [])) as { n: number };
    return row.n;
  }

  unfinished(): Job[] {
    return this.#all(`WHERE ${UNFINISHED} ORDER BY seq`);
  }

  /** Those that wait, in the order in which they start. */
  waiting(): Job[] {
    return this.#all(`WHERE status = 'pending' ORDER BY ${QUEUE_ORDER}`);
  }

  running(): Job[] {
    return this.#all("WHERE status = 'running' ORDER BY seq");
  }

  /** How many pending jobs come first, plus one; null for a job that does not wait. */
  queuePosition(id: string): number | null {
    const row = this.#db
      .prepare(
        `SELECT (SELECT count(*) FROM jobs AS other WHERE other.status = 'pending'
                 AND coalesce(other.place, other.seq) <= coalesce(jobs.place, jobs.seq)) AS position
         FROM jobs WHERE id = ? AND status = 'pending'`,
      )
      .get(id) as { position: number } | undefined;
    return row?.position ?? null;
  }

  /** Output folders in which jobs have run or will. Thousands of them, which seldom change. */
  usedFolders(): ReadonlySet<string> {
    const version = this.#db
      .prepare("SELECT total_changes() AS ours, data_version AS others FROM pragma_data_version")
      .get();
    const key = `${version?.["ours"]} ${version?.["others"]}`;
    if (this.#usedFolders?.key !== key) {
      const rows = this.#db
        .prepare(
          `SELECT DISTINCT output_folder AS folder FROM jobs WHERE started_at IS NOT NULL OR ${UNFINISHED}`,
        )
        .all();
      this.#usedFolders = { key, folders: new Set(rows.map((row) => String(row["folder"]))) };
    }
    return this.#usedFolders.folders;
  }

  /** The job that wrote the newest run in this folder. */
  byOutputFolder(folder: string): Job | undefined {
    return this.#all("WHERE output_folder = ? ORDER BY seq DESC LIMIT 1", folder)[0];
  }

  /**
   * Takes a pending job: it becomes `running`, to be launched by the caller. `choose` decides on what no other agent
   * can change meanwhile.
   */
  claimNext(claimer: ProcessIdentity, now: string, choose: Choose = chooseFirst): Job | undefined {
    return this.#transaction(() => {
      const next = choose(this.waiting(), this.running());
      if (!next) return undefined;
      const { gpu_uuid, gpu_index, gpu_name } = next.gpu;
      this.#change(
        `UPDATE jobs SET status = 'running', started_at = ?, claimed_pid = ?, claimed_ticks = ?, boot_id = ?,
           gpu_uuid = ?, gpu_index = ?, gpu_name = ?
         WHERE id = ?`,
        now,
        claimer.pid,
        claimer.startTicks,
        claimer.bootId,
        gpu_uuid,
        gpu_index,
        gpu_name,
        next.id,
      );
      return this.get(next.id);
    });
  }

  /** Puts a job back whose claimer died before it launched anything; one that shall stop is stopped with that. */
  unclaim({ id, claimed_pid, claimed_ticks }: Job, now: string): boolean {
    const mine = "id = ? AND status = 'running' AND pid IS NULL AND claimed_pid IS ? AND claimed_ticks IS ?";
    if (
      this.#change(
        `UPDATE jobs SET status = 'stopped', finished_at = ?, reason = 'Stopped on request before it started'
         WHERE ${mine} AND stop_requested_at IS NOT NULL`,
        now,
        id,
        claimed_pid,
        claimed_ticks,
      )
    ) {
      return true;
    }
    return this.#change(
      `UPDATE jobs SET status = 'pending', started_at = NULL, claimed_pid = NULL, claimed_ticks = NULL, boot_id = NULL,
         gpu_uuid = NULL, gpu_index = NULL, gpu_name = NULL
       WHERE ${mine}`,
      id,
      claimed_pid,
      claimed_ticks,
    );
  }

  launched(id: string, { pid, startTicks, bootId }: ProcessIdentity): void {
    this.#change(
      "UPDATE jobs SET pid = ?, start_ticks = ?, boot_id = ? WHERE id = ?",
      pid,
      startTicks,
      bootId,
      id,
    );
  }

  /** Records that we mean to stop it, before any signal, and who does it. True for the first who asks. */
  requestStop(id: string, now: string, save: boolean, driver: ProcessIdentity): boolean {
    return this.#transaction(() => {
      const isFirst = this.#change(
        "UPDATE jobs SET stop_requested_at = ? WHERE id = ? AND status = 'running' AND stop_requested_at IS NULL",
        now,
        id,
      );
      if (isFirst) this.stops.add(id, save, driver);
      return isFirst;
    });
  }

  /** Takes a waiting job out of the queue. */
  cancelPending(id: string, now: string): boolean {
    return this.#change(
      `UPDATE jobs SET status = 'stopped', stop_requested_at = ?, finished_at = ?, reason = 'Taken out of the queue before it started'
       WHERE id = ? AND status = 'pending'`,
      now,
      now,
      id,
    );
  }

  /** Ends a running job, once. */
  finish(id: string, { status, exit_code, final_step, reason, hint, finished_at }: Ending): boolean {
    return this.#change(
      `UPDATE jobs SET status = ?, exit_code = ?, final_step = ?, reason = ?, hint = ?, finished_at = ?
       WHERE id = ? AND status = 'running'`,
      status,
      exit_code,
      final_step,
      reason,
      hint,
      finished_at,
      id,
    );
  }

  /** Ended jobs whose record is still to be made, the first first. */
  unrecorded(limit: number): Job[] {
    return this.#all(
      "WHERE finished_at IS NOT NULL AND recorded_end IS NOT finished_at ORDER BY seq LIMIT ?",
      limit,
    );
  }

  /** Keeps what is to be remembered of an ended job, instead of what was kept before. */
  keepRecord({ id, finished_at }: Pick<Job, "id" | "finished_at">, record: string): void {
    this.#transaction(() => {
      this.#change(
        "INSERT INTO records VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
        id,
        record,
      );
      this.#change("UPDATE jobs SET recorded_end = ? WHERE id = ?", finished_at, id);
    });
  }

  record(id: string): string | undefined {
    const row = this.#db.prepare("SELECT record FROM records WHERE job_id = ?").get(id);
    return row && String(row["record"]);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
