// For tests: a folder with a dataset and configs, and rehearsals in it as real processes.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { vi } from "vitest";

// Real processes, on a machine that may be busy: only a hang shall fail.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const MAIN = join(import.meta.dirname, "main.ts");
export const FIXTURES = join(import.meta.dirname, "fixtures");

/** As fast as it goes; a test that wants to catch a phase makes that one last. */
const PACE = {
  REHEARSAL_STEP_MS: "1",
  REHEARSAL_LOAD_MS: "0",
  REHEARSAL_SAMPLE_MS: "0",
  REHEARSAL_SAVE_MS: "0",
};

/** Further keys for a process block, as JSON. */
export type Blocks = Readonly<Record<string, unknown>>;

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Run {
  readonly pid: number;
  readonly ended: Promise<Ending>;
  /** stdout and stderr in one, as far as written. */
  log(): string;
  kill(signal: NodeJS.Signals, whom?: "process" | "group"): void;
}

export interface Theatre {
  readonly folder: string;
  readonly dataset: string;
  /** Where the job `show` writes. */
  readonly output: string;
  /** A config named `show`: 12 steps, no samples, no workers, one image size; returns its path. */
  config(blocks?: Blocks, meta?: Blocks): string;
  start(args: readonly string[], env?: Readonly<Record<string, string>>): Run;
  /** Kills what is still there and removes the folder. */
  clear(): void;
}

export function openTheatre(): Theatre {
  const folder = mkdtempSync(join(tmpdir(), "rehearsal-"));
  const dataset = join(folder, "dataset");
  cpSync(join(FIXTURES, "dataset"), dataset, { recursive: true });
  mkdirSync(join(folder, "output"));
  const children: ChildProcess[] = [];

  return {
    folder,
    dataset,
    output: join(folder, "output", "show"),
    config(blocks = {}, meta = {}) {
      const { train, ...others } = blocks;
      const process = {
        type: "diffusion_trainer",
        training_folder: join(folder, "output"),
        sqlite_db_path: join(folder, "job.db"),
        network: { type: "lora", linear: 4, linear_alpha: 4 },
        datasets: [{ folder_path: dataset, num_workers: 0 }],
        model: { name_or_path: "nobody/nothing", arch: "sd1" },
        ...others,
        train: { steps: 12, lr: 1e-4, disable_sampling: true, ...(typeof train === "object" ? train : {}) },
      };
      const path = join(folder, "show.json");
      writeFileSync(
        path,
        JSON.stringify({ job: "extension", config: { name: "show", process: [process] }, meta }),
      );
      return path;
    },
    start(args, env = {}) {
      const logPath = join(folder, `log-${children.length}`);
      const log = openSync(logPath, "a");
      const { PATH = "", NODE_COMPILE_CACHE = "" } = process.env;
      const child = spawn(process.execPath, [MAIN, ...args], {
        cwd: folder,
        env: { PATH, NODE_COMPILE_CACHE, ...PACE, ...env },
        stdio: ["ignore", log, log],
        detached: true, // a group of its own, like a job's
      });
      closeSync(log);
      children.push(child);
      const { pid = 0 } = child;
      return {
        pid,
        // "exit", not "close": orphaned workers hold on to the log.
        ended: once(child, "exit").then(([code, signal]) => ({ code, signal })),
        log: () => readFileSync(logPath, "utf8"),
        kill: (signal, whom = "process") => process.kill(whom === "group" ? -pid : pid, signal),
      };
    },
    clear() {
      for (const { pid } of children) if (pid !== undefined) killGroup(pid);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // all gone already
  }
}

export const JOB_ID = "job-1";

const COLUMNS =
  "id TEXT PRIMARY KEY, status TEXT, info TEXT, step INTEGER, speed_string TEXT, stop INTEGER DEFAULT 0, return_to_queue INTEGER DEFAULT 0, save_now INTEGER DEFAULT 0, sample_now INTEGER DEFAULT 0";

export interface JobDatabase {
  readonly db: DatabaseSync;
  /** What a run needs in its environment to report here. */
  readonly env: Readonly<Record<string, string>>;
  row(): Readonly<Record<string, unknown>>;
  /** Every status and info the row ever had, without repetitions. */
  history(): string[];
}

export function createJobDatabase({ folder }: Theatre, columns = COLUMNS): JobDatabase {
  const db = new DatabaseSync(join(folder, "job.db"), { timeout: 5000 });
  db.exec(`
    PRAGMA journal_mode = WAL;
    CREATE TABLE Job (${columns});
    INSERT INTO Job (id, status, step) VALUES ('${JOB_ID}', 'queued', 0);
    CREATE TABLE history (entry TEXT);
    CREATE TRIGGER remember AFTER UPDATE OF status, info ON Job
      BEGIN INSERT INTO history VALUES (new.status || ': ' || new.info); END;
  `);
  return {
    db,
    env: { AITK_JOB_ID: JOB_ID },
    row: () => ({ ...db.prepare("SELECT * FROM Job").get() }),
    history: () =>
      db
        .prepare("SELECT entry FROM history ORDER BY rowid")
        .all()
        .map(({ entry }) => String(entry))
        .filter((entry, index, all) => entry !== all[index - 1]),
  };
}

export function childrenOf(pid: number): number[] {
  try {
    return execFileSync("pgrep", ["-P", String(pid)], { encoding: "utf8" })
      .trim()
      .split("\n")
      .map(Number);
  } catch {
    return []; // pgrep's way to say that there are none
  }
}

/** undefined when there is no such process, or only its exit code, which nobody has asked for yet. */
export function commandOf(pid: number): string | undefined {
  try {
    const args = execFileSync("ps", ["-o", "args=", "-p", String(pid)], { encoding: "utf8" }).trim();
    return args.endsWith("<defunct>") ? undefined : args;
  } catch {
    return undefined;
  }
}
