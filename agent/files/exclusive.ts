// Work that only one process may do at a time. The lock is SQLite's, so the kernel takes it back from whoever dies.
import { DatabaseSync } from "node:sqlite";

/** SQLite's result code for a lock that somebody else holds (sqlite.org/rescode.html). */
const SQLITE_BUSY = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;
}

/**
 * Does `work` unless another process, or another call here, is at it.
 * @param path the lock's file; made when it is missing, and never removed
 * @returns undefined when somebody else is at it
 */
export async function exclusively<T>(path: string, work: () => Promise<T>): Promise<T | undefined> {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    try {
      db.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    } catch (error) {
      if (isBusy(error)) return undefined;
      throw error;
    }
    return await work();
  } finally {
    db.close();
  }
}
