// Speeds of ended runs, in agent.db: what waiting times are foretold from.
import type { DatabaseSync } from "node:sqlite";
import type { MeasuredRun } from "./speed.ts";

export interface SpeedRecord {
  /** See speedKey; null: cannot be compared. */
  readonly speed_key: string | null;
  /** Where it began: 0, or the step of the checkpoint it went on from; null: not known. */
  readonly first_step: number | null;
  readonly seconds_per_step: number | null;
  readonly overhead_seconds: number | null;
}

export const SPEED_COLUMNS = `
  ALTER TABLE jobs ADD COLUMN speed_key TEXT;
  ALTER TABLE jobs ADD COLUMN first_step INTEGER;
  ALTER TABLE jobs ADD COLUMN seconds_per_step REAL;
  ALTER TABLE jobs ADD COLUMN overhead_seconds REAL;
  CREATE INDEX jobs_by_speed ON jobs(speed_key, seq) WHERE seconds_per_step IS NOT NULL;`;

/** Enough for a median; older ones may be of an older driver or toolkit. */
const LATEST = 7;

export class SpeedStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  record(id: string, { secondsPerStep, overheadSeconds }: MeasuredRun): void {
    this.#db
      .prepare("UPDATE jobs SET seconds_per_step = ?, overhead_seconds = ? WHERE id = ?")
      .run(secondsPerStep, overheadSeconds, id);
  }

  /** Runs of the same kind on the same kind of GPU, the newest first. */
  like({ speed_key }: Pick<SpeedRecord, "speed_key">, gpuName: string | null): MeasuredRun[] {
    if (speed_key === null) return [];
    return this.#db
      .prepare(
        `SELECT seconds_per_step AS secondsPerStep, overhead_seconds AS overheadSeconds FROM jobs
         WHERE speed_key = ? AND seconds_per_step IS NOT NULL AND gpu_name IS ? ORDER BY seq DESC LIMIT ?`,
      )
      .all(speed_key, gpuName, LATEST) as unknown as MeasuredRun[]; // as the statement names them
  }
}
