// The trainer's side of the `Job` row (ai-toolkit.md §8): how the real one reports and takes orders.
import { existsSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import type { Interrupt } from "./interrupt.ts";
import { PythonError } from "./python.ts";

export type Flag = "stop" | "return_to_queue" | "save_now" | "sample_now";
export type Status = "running" | "stopped" | "queued" | "error" | "completed";

export interface JobRow {
  setStatus(status: Status, info: string): Promise<void>;
  set(column: Flag | "step" | "speed_string", value: string | number): Promise<void>;
  isSet(flag: Flag): Promise<boolean>;
}

const SILENT: JobRow = {
  setStatus: async () => {},
  set: async () => {},
  isSet: async () => false,
};

export interface JobRowOptions {
  readonly processType: string;
  readonly dbPath: string;
  readonly jobId: string | undefined;
  readonly print: (line: string) => void;
  readonly interrupt: Pick<Interrupt, "pause">;
  /** Milliseconds. */
  readonly now?: () => number;
}

/** Without a database file or an id the trainer works silently; only the old `ui_trainer` insists on both. */
export function openJobRow(options: JobRowOptions): JobRow {
  const { processType, dbPath, print } = options;
  if (processType === "sd_trainer" || processType === "textual_inversion_trainer") return SILENT;
  const jobId = options.jobId?.trim();
  const found = existsSync(dbPath);
  if (processType === "ui_trainer") {
    if (!found) throw new PythonError("Exception", `SQLite database not found at ${dbPath}`);
    if (!jobId) throw new PythonError("Exception", "AITK_JOB_ID not set");
  }
  if (found) print(`Using SQLite database at ${dbPath}`);
  if (jobId) print(`Job ID: "${jobId}"`);
  return found && jobId ? reportingRow({ ...options, jobId }) : SILENT;
}

/** Slept between tries while another connection holds the lock, so that SIGINT is still heard. */
const LOCK_POLL_MS = 20;
const LOCK_TIMEOUT_MS = 30_000;
const RETRY_DELAYS_S = [2, 4, 8];

function reportingRow(options: JobRowOptions & { readonly jobId: string }): JobRow {
  const { dbPath, jobId, print, interrupt, now = () => performance.now() } = options;

  /** A new connection each time, like the original: that is why deleting the file kills the job at its next step. */
  const run = (sql: string, ...values: SQLInputValue[]) => {
    const db = new DatabaseSync(dbPath, { timeout: 0 });
    try {
      // Unlike the original, which waits for the disk several times a step: nothing here is worth that.
      db.exec("PRAGMA synchronous = OFF");
      return db.prepare(sql).get(...values);
    } finally {
      db.close();
    }
  };

  const untilUnlocked = async (sql: string, values: readonly SQLInputValue[]) => {
    const deadlineMs = now() + LOCK_TIMEOUT_MS;
    for (;;) {
      try {
        return run(sql, ...values);
      } catch (error) {
        if (!isLocked(error) || now() >= deadlineMs) throw error;
        await interrupt.pause(LOCK_POLL_MS);
      }
    }
  };

  const withRetries = async (sql: string, ...values: SQLInputValue[]) => {
    const tries = RETRY_DELAYS_S.length + 1;
    for (const [index, delayS] of RETRY_DELAYS_S.entries()) {
      try {
        return await untilUnlocked(sql, values);
      } catch (error) {
        if (!isLocked(error)) throw error;
        print(`[AITK] Database locked (attempt ${index + 1}/${tries}), retrying in ${delayS.toFixed(1)}s...`);
        await interrupt.pause(delayS * 1000);
      }
    }
    try {
      return await untilUnlocked(sql, values);
    } catch (error) {
      if (isLocked(error)) print(`[AITK] Database locked after ${tries} attempts, giving up.`);
      throw error;
    }
  };

  return {
    async setStatus(status, info) {
      await withRetries("UPDATE Job SET status = ?, info = ? WHERE id = ?", status, info, jobId);
    },
    async set(column, value) {
      // As text: the column's affinity makes it an integer again.
      await withRetries(`UPDATE Job SET ${column} = ? WHERE id = ?`, String(value), jobId);
    },
    async isSet(flag) {
      const row = await withRetries(`SELECT ${flag} AS value FROM Job WHERE id = ?`, jobId);
      return row?.value === 1;
    },
  };
}

const SQLITE_BUSY = 5;

function isLocked(error: unknown): boolean {
  // The primary code: SQLITE_BUSY_SNAPSHOT and its kin carry more in the upper bits.
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
