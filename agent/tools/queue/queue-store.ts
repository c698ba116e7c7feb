// The queue's part of agent.db: where waiting jobs stand, what holds them, and which GPU they want and got.
import type { DatabaseSync } from "node:sqlite";
import { transaction } from "../training/transaction.ts";

/** What a job was queued with. */
export interface QueueWish {
  /** UUID of the GPU it shall run on; null: whichever is free. Not the index: that may change with a reboot. */
  readonly wished_gpu: string | null;
  /** Keeps its place, but does not start. */
  readonly held: boolean;
  /** Starts also on a GPU that somebody else's program uses. */
  readonly forced: boolean;
}

/** The GPU a job was given when it started; all null while it waits, and where there is none to give. */
export interface AssignedGpu {
  readonly gpu_uuid: string | null;
  readonly gpu_index: number | null;
  readonly gpu_name: string | null;
}

/** `place` is null until somebody moves a job: then its number is its place. */
export const QUEUE_COLUMNS = `
  ALTER TABLE jobs ADD COLUMN place INTEGER;
  ALTER TABLE jobs ADD COLUMN wished_gpu TEXT;
  ALTER TABLE jobs ADD COLUMN held INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN forced INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE jobs ADD COLUMN gpu_uuid TEXT;
  ALTER TABLE jobs ADD COLUMN gpu_index INTEGER;
  ALTER TABLE jobs ADD COLUMN gpu_name TEXT;
  CREATE INDEX jobs_by_gpu ON jobs(gpu_uuid) WHERE gpu_uuid IS NOT NULL;`;

/** In the order in which jobs start. */
export const QUEUE_ORDER = "coalesce(place, seq)";

export class QueueStore {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  #change(sql: string, ...values: (string | number | null)[]): boolean {
    return Number(this.#db.prepare(sql).run(...values).changes) > 0;
  }

  /** @returns false when the job does not wait (any more) */
  setHeld(id: string, held: boolean): boolean {
    return this.#change("UPDATE jobs SET held = ? WHERE id = ? AND status = 'pending'", held ? 1 : 0, id);
  }

  /** @returns false when the job does not wait (any more) */
  setWish(id: string, uuid: string | null): boolean {
    return this.#change("UPDATE jobs SET wished_gpu = ? WHERE id = ? AND status = 'pending'", uuid, id);
  }

  /**
   * Puts a waiting job to this place, counted from 1; behind the last is last.
   * @returns false when the job does not wait (any more)
   */
  move(id: string, position: number): boolean {
    return transaction(this.#db, () => {
      const waiting = this.#db
        .prepare(
          `SELECT id, ${QUEUE_ORDER} AS place FROM jobs WHERE status = 'pending' ORDER BY ${QUEUE_ORDER}`,
        )
        .all() as { id: string; place: number }[];
      const others = waiting.filter((job) => job.id !== id);
      if (others.length === waiting.length) return false;
      const order = others.map((job) => job.id).toSpliced(position - 1, 0, id);
      // The same places, given out anew: whoever comes later still comes last.
      for (const [index, each] of order.entries()) {
        const place = waiting[index]?.place ?? null;
        this.#change(
          "UPDATE jobs SET place = ? WHERE id = ? AND coalesce(place, seq) <> ?",
          place,
          each,
          place,
        );
      }
      return true;
    });
  }

  /** Has any job of this machine ever run on a GPU? */
  hasUsedGpu(): boolean {
    return this.#db.prepare("SELECT 1 FROM jobs WHERE gpu_uuid IS NOT NULL LIMIT 1").get() !== undefined;
  }

  /** Cheap, for a look every second. */
  hasWaiting(): boolean {
    const sql = "SELECT 1 FROM jobs WHERE status = 'pending' AND held = 0 LIMIT 1";
    return this.#db.prepare(sql).get() !== undefined;
  }
}
