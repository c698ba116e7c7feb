// Which changes were made under which key, over restarts. A file of its own: losing it loses nothing but this, and agents
// that share a state folder share it.
import { DatabaseSync } from "node:sqlite";
import type { WireError } from "../../shared/errors.ts";
import { pruneFairly } from "../../shared/prune-fairly.ts";
import type { ProcessIdentity } from "../tools/training/process.ts";

/** How a call ended. `unknown`: its answer was too long to keep. */
export type Outcome =
  | { readonly output: unknown }
  | { readonly error: WireError }
  | { readonly unknown: true };

export type Found =
  /** Ours to run. */
  | { readonly kind: "new" }
  | { readonly kind: "answered"; readonly outcome: Outcome }
  /** Begun by this process, which may have ended since. */
  | { readonly kind: "begun"; readonly by: ProcessIdentity }
  /** The key stands for another call. */
  | { readonly kind: "other" };

interface Row {
  readonly call: string;
  readonly pid: number;
  readonly start_ticks: number | null;
  readonly boot_id: string | null;
  readonly outcome: string | null;
}

/** Whoever repeats a call does so within hours. */
const KEEP_MS = 24 * 3_600_000;
const ROWS_MAX = 10_000;
/** Answers of changes are short. */
const OUTCOME_CHARS_MAX = 256 * 1024;
/** Old rows are looked for once in so many calls. */
const PRUNE_EVERY = 100;
/** Whose call it was: what a router writes in front of a key that a client has chosen; nothing for all other keys. */
const CALLER = "substr(key, 1, instr(key, ' '))";

export interface CallStoreOptions {
  readonly now?: () => number;
  readonly rowsMax?: number;
}

export class CallStore implements Disposable {
  readonly #db: DatabaseSync;
  readonly #now: () => number;
  readonly #rowsMax: number;
  #calls = 0;

  constructor(path: string, { now = Date.now, rowsMax = ROWS_MAX }: CallStoreOptions = {}) {
    this.#now = now;
    this.#rowsMax = rowsMax;
    this.#db = new DatabaseSync(path, { timeout: 5_000 });
    this.#db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    this.#db.exec(
      `CREATE TABLE IF NOT EXISTS calls (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, call TEXT NOT NULL, begun_at INTEGER NOT NULL,
         pid INTEGER NOT NULL, start_ticks INTEGER, boot_id TEXT, outcome TEXT
       ) STRICT`,
    );
    this.#prune();
  }

  /** @param call what the key stands for: the same key for another call is a mistake of the caller */
  begin(key: string, call: string, { pid, startTicks, bootId }: ProcessIdentity): Found {
    if (++this.#calls % PRUNE_EVERY === 0) this.#prune();
    const { changes } = this.#db
      .prepare(
        `INSERT INTO calls (key, call, begun_at, pid, start_ticks, boot_id) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (key) DO NOTHING`,
      )
      .run(key, call, this.#now(), pid, startTicks, bootId);
    return Number(changes) > 0 ? { kind: "new" } : this.find(key, call);
  }

  find(key: string, call: string): Found {
    const row = this.#db.prepare("SELECT * FROM calls WHERE key = ?").get(key) as Row | undefined;
    if (!row) return { kind: "new" }; // forgotten between two looks
    if (row.call !== call) return { kind: "other" };
    if (row.outcome !== null) return { kind: "answered", outcome: JSON.parse(row.outcome) as Outcome };
    return { kind: "begun", by: { pid: row.pid, startTicks: row.start_ticks, bootId: row.boot_id } };
  }

  end(key: string, outcome: Outcome): void {
    const text = JSON.stringify(outcome);
    const kept = text.length > OUTCOME_CHARS_MAX ? JSON.stringify({ unknown: true }) : text;
    this.#db.prepare("UPDATE calls SET outcome = ? WHERE key = ?").run(kept, key);
  }

  /** It was not run after all. */
  forget(key: string): void {
    this.#db.prepare("DELETE FROM calls WHERE key = ?").run(key);
  }

  #prune(): void {
    this.#db.prepare("DELETE FROM calls WHERE begun_at < ?").run(this.#now() - KEEP_MS);
    this.#db.prepare(pruneFairly("calls", CALLER)).run(this.#rowsMax);
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }
}
