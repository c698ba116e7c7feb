import type { DatabaseSync } from "node:sqlite";

/** All of `work` or nothing of it; other processes' writes wait meanwhile. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // A full disk has rolled back already, and its own error is the one to tell.
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
