// What is known of a requested stop, in agent.db: whoever takes it over goes on where the one before was.
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { ProcessIdentity } from "./process.ts";

export const STOPS_TABLE = `CREATE TABLE stops (
     job_id TEXT PRIMARY KEY REFERENCES jobs(id) ON DELETE CASCADE,
     save INTEGER NOT NULL,
     asked_step INTEGER,
     saved_name TEXT,
     saved_step INTEGER,
     not_saved TEXT,
     driver_pid INTEGER NOT NULL,
     driver_ticks INTEGER
   ) STRICT;`;

export interface SavedCheckpoint {
  readonly name: string;
  readonly step: number | null;
}

export interface Stop {
  /** A checkpoint is to be saved first. */
  readonly wantsSave: boolean;
  /** Steps done when the trainer was asked to save; null: it was not asked yet. */
  readonly askedStep: number | null;
  /** What came of it; both null while that is open, and when nothing was to be saved. */
  readonly saved: SavedCheckpoint | null;
  /** One sentence. */
  readonly notSaved: string | null;
  /** Who brings the stop to its end. */
  readonly driver: ProcessIdentity;
}

export class StopStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  get(id: string): Stop | undefined {
    const row = this.#db.prepare("SELECT * FROM stops WHERE job_id = ?").get(id);
    if (!row) return undefined;
    const number = (column: string) => (row[column] === null ? null : Number(row[column]));
    return {
      wantsSave: row["save"] === 1,
      askedStep: number("asked_step"),
      saved:
        row["saved_name"] === null ? null : { name: String(row["saved_name"]), step: number("saved_step") },
      notSaved: row["not_saved"] === null ? null : String(row["not_saved"]),
      driver: { pid: Number(row["driver_pid"]), startTicks: number("driver_ticks"), bootId: null },
    };
  }

  #change(sql: string, ...values: SQLInputValue[]): boolean {
    return Number(this.#db.prepare(sql).run(...values).changes) > 0;
  }

  add(id: string, save: boolean, { pid, startTicks }: ProcessIdentity): void {
    this.#change(
      "INSERT OR IGNORE INTO stops (job_id, save, driver_pid, driver_ticks) VALUES (?, ?, ?, ?)",
      id,
      save ? 1 : 0,
      pid,
      startTicks,
    );
  }

  /** Of several who find a driver gone, one takes its place. */
  takeOver(id: string, from: ProcessIdentity, to: ProcessIdentity): boolean {
    return this.#change(
      "UPDATE stops SET driver_pid = ?, driver_ticks = ? WHERE job_id = ? AND driver_pid = ? AND driver_ticks IS ?",
      to.pid,
      to.startTicks,
      id,
      from.pid,
      from.startTicks,
    );
  }

  asked(id: string, step: number): void {
    this.#change("UPDATE stops SET asked_step = ? WHERE job_id = ?", step, id);
  }

  /** The first outcome of the save stays. */
  saved(id: string, { name, step }: SavedCheckpoint): boolean {
    return this.#change(
      `UPDATE stops SET saved_name = ?, saved_step = ? WHERE job_id = ? AND ${OPEN}`,
      name,
      step,
      id,
    );
  }

  /** @param why one sentence */
  notSaved(id: string, why: string): boolean {
    return this.#change(`UPDATE stops SET not_saved = ? WHERE job_id = ? AND ${OPEN}`, why, id);
  }
}

const OPEN = "save = 1 AND saved_name IS NULL AND not_saved IS NULL";
