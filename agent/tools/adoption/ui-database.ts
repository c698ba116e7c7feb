// Jobs of the ai-toolkit web UI, from its own database (ai-toolkit `ui/prisma/schema.prisma`). It is never written to.
import { statSync } from "node:fs";
import { basename, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { readDatabase } from "../../files/read-only-database.ts";

export interface UiJob {
  readonly id: string;
  readonly name: string;
  /** "0", or a list. */
  readonly gpuIds: string;
  readonly status: string;
  readonly info: string;
  readonly step: number;
  readonly totalSteps: number | null;
  readonly speed: string | null;
  /** It was asked to stop, or to go back into the queue. */
  readonly stops: boolean;
  /** Of the process that the UI has started last; older UIs note none. */
  readonly pid: number | null;
  /** Captioning of a data set is a job, too. */
  readonly isTraining: boolean;
  readonly createdMs: number | null;
  readonly updatedMs: number | null;
  /** Does the UI's queue of its GPUs run? null: an older UI has none. */
  readonly queueRuns: boolean | null;
}

export interface UiDatabase {
  readonly path: string;
  readonly jobs: readonly UiJob[];
  /** Where its jobs write: each into a folder of its name. */
  readonly trainingFolder: string;
  /** Why the jobs are not those of this moment, one sentence; null when they are. */
  readonly problem: string | null;
}

const FILE = "aitk_db.db";
/** A writer holds it for milliseconds; we must not stand still for more. */
const BUSY_MS = 200;
/** Two writes within one tick of a file system's clock (2 s on FAT) carry the same stamp. */
const STAMP_SETTLED_MS = 2_500;

/** Columns of `Job` that came with the years, and what they were before (`id`, `name` and `status` always were). */
const COLUMNS = {
  gpu_ids: "''",
  info: "''",
  step: "0",
  total_steps: "NULL",
  speed_string: "''",
  stop: "0",
  return_to_queue: "0",
  pid: "NULL",
  job_type: "'train'",
  created_at: "NULL",
  updated_at: "NULL",
} as const;

type Row = Readonly<Record<string, unknown>>;

const columnsOf = (db: DatabaseSync, table: string): ReadonlySet<string> =>
  new Set(
    db
      .prepare(`SELECT name FROM pragma_table_info('${table}')`)
      .all()
      .map((row) => String(row["name"])),
  );

/** Prisma writes milliseconds; SQLite's own CURRENT_TIMESTAMP is text in UTC without saying so. */
export function timeOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (typeof value !== "string" || value === "") return null;
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/.test(value);
  const ms = Date.parse(hasZone ? value : `${value.replace(" ", "T")}Z`);
  return Number.isNaN(ms) ? null : ms;
}

const whole = (value: unknown) => (Number.isInteger(Number(value)) && value !== null ? Number(value) : null);
const text = (value: unknown) => (value === null ? "" : String(value));

function toJob(row: Row, queues: ReadonlyMap<string, boolean> | undefined): UiJob {
  const gpuIds = text(row["gpu_ids"]);
  return {
    id: text(row["id"]),
    name: text(row["name"]),
    gpuIds,
    status: text(row["status"]),
    info: text(row["info"]),
    step: Math.max(0, whole(row["step"]) ?? 0),
    totalSteps: whole(row["total_steps"]),
    speed: text(row["speed_string"]) || null,
    stops: Number(row["stop"]) === 1 || Number(row["return_to_queue"]) === 1,
    pid: whole(row["pid"]),
    isTraining: row["job_type"] === "train",
    createdMs: timeOf(row["created_at"]),
    updatedMs: timeOf(row["updated_at"]),
    queueRuns: queues ? (queues.get(gpuIds) ?? false) : null,
  };
}

function readJobs(db: DatabaseSync): UiJob[] {
  const there = columnsOf(db, "Job");
  if (!["id", "name", "status"].every((name) => there.has(name))) return []; // from before it had jobs
  const columns = Object.entries(COLUMNS).map(([name, otherwise]) =>
    there.has(name) ? name : `${otherwise} AS ${name}`,
  );
  const queueColumns = columnsOf(db, "Queue"); // from 2025-06 to 2025-10 another table had this name
  const queues = ["gpu_ids", "is_running"].every((name) => queueColumns.has(name))
    ? new Map(
        db
          .prepare("SELECT gpu_ids, is_running FROM Queue")
          .all()
          .map((row) => [text(row["gpu_ids"]), Number(row["is_running"]) === 1] as const),
      )
    : undefined;
  const rows = db.prepare(`SELECT id, name, status, ${columns.join(", ")} FROM Job`).all();
  return rows.map((row) => toJob(row, queues));
}

function readTrainingFolder(db: DatabaseSync): string | undefined {
  if (!columnsOf(db, "Settings").has("value")) return undefined;
  const row = db.prepare("SELECT value FROM Settings WHERE key = 'TRAINING_FOLDER'").get();
  return text(row?.["value"] ?? null) || undefined;
}

interface Known {
  readonly identity: string;
  readonly found: UiDatabase;
}

/** Changes with every write, be it to the file or to its WAL. */
function identityOf(path: string): { readonly text: string; readonly changedMs: number } | undefined {
  const all = ["", "-wal", "-journal"].map((end) => statSync(path + end, { throwIfNoEntry: false }));
  if (!all[0]) return undefined;
  const parts = all.map((stats) => stats && [stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(":"));
  return { text: parts.join(" "), changedMs: Math.max(...all.map((stats) => stats?.mtimeMs ?? 0)) };
}

/** The databases of some toolkits, read again when they have changed. */
export class UiDatabases {
  readonly #toolkits: readonly string[];
  readonly #known = new Map<string, Known>();

  constructor(toolkits: readonly string[]) {
    this.#toolkits = toolkits;
  }

  /** One for each toolkit that has one. */
  read(): UiDatabase[] {
    return this.#toolkits.flatMap((toolkit) => this.#readOne(toolkit) ?? []);
  }

  #readOne(toolkit: string): UiDatabase | undefined {
    const path = join(toolkit, FILE);
    const known = this.#known.get(path);
    try {
      const identity = identityOf(path);
      if (!identity) {
        this.#known.delete(path);
        return undefined;
      }
      if (known?.identity === identity.text) return known.found;
      const found = readDatabase(path, BUSY_MS, (db): UiDatabase => {
        const trainingFolder = readTrainingFolder(db) ?? join(toolkit, "output");
        return { path, jobs: readJobs(db), trainingFolder, problem: null };
      });
      const isSettled = Date.now() - identity.changedMs > STAMP_SETTLED_MS;
      this.#known.set(path, { identity: isSettled ? identity.text : "", found });
      return found;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const then = known ? "its jobs are told as they were last seen" : "its jobs are missing here";
      const problem = `The database of the ai-toolkit web UI, ${path}, cannot be read now (${why}): ${then}`;
      return { path, jobs: [], trainingFolder: join(toolkit, "output"), ...known?.found, problem };
    }
  }
}

/** A job's own config as text; null when it is gone or cannot be read now. */
export function readUiConfig(path: string, id: string): string | null {
  try {
    return readDatabase(path, BUSY_MS, (db) => {
      const row = db.prepare("SELECT job_config FROM Job WHERE id = ?").get(id);
      return row ? text(row["job_config"] ?? null) : null;
    });
  } catch {
    return null; // busy or damaged: said where its jobs are listed
  }
}

/** The folder of a job; undefined for a name that would lead elsewhere. */
export function uiJobPath(
  { trainingFolder }: Pick<UiDatabase, "trainingFolder">,
  name: string,
): string | undefined {
  const isName =
    name !== "" && name !== "." && name !== ".." && basename(name) === name && !/[\0\\]/.test(name);
  return isName ? join(trainingFolder, name) : undefined;
}
