// Opening a database that several programs share and that no crash may damage.
import { DatabaseSync } from "node:sqlite";

/** How long one program waits for another's transaction. */
const BUSY_MS = 5_000;
const AGAIN_MS = 10;

/** SQLite's result code for a locked database (sqlite.org/rescode.html), in node:sqlite's errors. */
const SQLITE_BUSY = 5;
const isBusy = (error: unknown) =>
  error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY;

export function openWalDatabase(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  const untilMs = performance.now() + BUSY_MS;
  for (;;) {
    try {
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
      return db;
    } catch (error) {
      // For this one switch SQLite does not wait: of two programs that make the database at once, one would fail.
      if (!isBusy(error) || performance.now() > untilMs) {
        db.close();
        throw error;
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, AGAIN_MS);
    }
  }
}
