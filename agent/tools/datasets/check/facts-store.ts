// What was found out about files, kept in one small database until they change. It is a cache: whatever is wrong with it,
// the check goes on without, and only takes longer.
import { rmSync, type Stats } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Facts } from "./facts.ts";

/** Another number: what older versions kept is thrown away. */
const VERSION = 2;
/** Facts that nobody asked for are kept this long. */
const KEPT_DAYS = 90;
const DAY_MS = 24 * 60 * 60 * 1000;

export interface KnownFile {
  /** Below the data set. */
  readonly path: string;
  /** Changes whenever the file may have. */
  readonly identity: string;
}

export function identityOf({ ino, size, mtimeMs, ctimeMs }: Stats): string {
  return `${ino}:${size}:${mtimeMs}:${ctimeMs}`;
}

interface Row {
  readonly path: string;
  readonly identity: string;
  readonly facts: string;
}

export class KnownFacts {
  readonly #rows: ReadonlyMap<string, Row>;

  constructor(rows: readonly Row[]) {
    this.#rows = new Map(rows.map((row) => [row.path, row]));
  }

  get paths(): readonly string[] {
    return [...this.#rows.keys()];
  }

  /** undefined: nothing is known of it, or it has changed since. */
  get({ path, identity }: KnownFile): Facts | undefined {
    const row = this.#rows.get(path);
    return row?.identity === identity ? (JSON.parse(row.facts) as Facts) : undefined;
  }
}

export class FactsStore implements Disposable {
  #db: DatabaseSync | undefined;
  readonly #today: number;

  /** `path` is made when it is not there, and made anew when it cannot be read. */
  constructor(path: string, now: Date = new Date()) {
    this.#today = Math.floor(now.getTime() / DAY_MS);
    this.#db = openAnyhow(path);
    this.#tried(undefined, (db) =>
      db.prepare("DELETE FROM facts WHERE seen_on < ?").run(this.#today - KEPT_DAYS),
    );
  }

  /** What is kept of the files of a folder, which stay for as long as somebody asks for them. */
  known(folder: string): KnownFacts {
    const rows = this.#tried([], (db) => {
      db.prepare("UPDATE facts SET seen_on = ? WHERE folder = ? AND seen_on < ?").run(
        this.#today,
        folder,
        this.#today,
      );
      return db.prepare("SELECT path, identity, facts FROM facts WHERE folder = ?").all(folder);
    }) as unknown as Row[]; // as they were written
    return new KnownFacts(rows);
  }

  /** Another call may have found it out meanwhile. */
  recall(folder: string, { path, identity }: KnownFile): Facts | undefined {
    const row = this.#tried(undefined, (db) =>
      db
        .prepare("SELECT facts FROM facts WHERE folder = ? AND path = ? AND identity = ?")
        .get(folder, path, identity),
    ) as { facts: string } | undefined;
    return row && (JSON.parse(row.facts) as Facts);
  }

  remember(folder: string, found: readonly (KnownFile & { readonly facts: Facts })[]): void {
    this.#transaction(found, (db) => {
      const insert = db.prepare(
        "INSERT OR REPLACE INTO facts (folder, path, identity, facts, seen_on) VALUES (?, ?, ?, ?, ?)",
      );
      return ({ path, identity, facts }) =>
        insert.run(folder, path, identity, JSON.stringify(facts), this.#today);
    });
  }

  /** They are gone. */
  forget(folder: string, paths: readonly string[]): void {
    this.#transaction(paths, (db) => {
      const forget = db.prepare("DELETE FROM facts WHERE folder = ? AND path = ?");
      return (path) => forget.run(folder, path);
    });
  }

  #transaction<T>(items: readonly T[], prepare: (db: DatabaseSync) => (item: T) => unknown): void {
    if (items.length === 0) return;
    this.#tried(undefined, (db) => {
      db.exec("BEGIN IMMEDIATE");
      const work = prepare(db);
      for (const item of items) work(item);
      db.exec("COMMIT");
    });
  }

  #tried<T>(otherwise: T, work: (db: DatabaseSync) => T): T {
    if (!this.#db) return otherwise;
    try {
      return work(this.#db);
    } catch {
      // Full disk, damaged, locked for long: the facts are found out again next time.
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      return otherwise;
    }
  }

  [Symbol.dispose](): void {
    this.#db?.close();
    this.#db = undefined; // whoever still has something to remember finds nobody
  }
}

function openAnyhow(path: string): DatabaseSync | undefined {
  for (const attempt of ["as it is", "anew"]) {
    if (attempt === "anew") for (const suffix of ["", "-wal", "-shm"]) rmSync(path + suffix, { force: true });
    try {
      return open(path);
    } catch {
      // Damaged or of another version: once more without it.
    }
  }
  return undefined;
}

function open(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 1_000 });
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    const { user_version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
    if (user_version !== 0 && user_version !== VERSION) throw new Error("of another version");
    db.exec(`CREATE TABLE IF NOT EXISTS facts (
      folder TEXT NOT NULL,
      path TEXT NOT NULL,
      identity TEXT NOT NULL,
      facts TEXT NOT NULL,
      seen_on INTEGER NOT NULL,
      PRIMARY KEY (folder, path)
    ) STRICT, WITHOUT ROWID;
    PRAGMA user_version = ${VERSION};`);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
