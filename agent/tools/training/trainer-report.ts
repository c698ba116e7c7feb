// What the trainer says about itself: the one-row database that ai-toolkit's `diffusion_trainer` reports to
// (ai-toolkit `extensions_built_in/sd_trainer/DiffusionTrainer.py`).
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import type { Request } from "../../trainer/trainer.ts";

export interface TrainerReport {
  readonly status: string;
  readonly info: string;
  /** Completed steps; set back to the last saved step on error and stop. */
  readonly step: number;
  readonly speed: string | null;
}

/** The trainer dies after its first step when one of these nine columns is missing. */
const SCHEMA = `
  CREATE TABLE Job (
    id TEXT PRIMARY KEY,
    status TEXT NOT NULL DEFAULT 'queued',
    info TEXT NOT NULL DEFAULT '',
    step INTEGER NOT NULL DEFAULT 0,
    speed_string TEXT NOT NULL DEFAULT '',
    stop INTEGER NOT NULL DEFAULT 0,
    return_to_queue INTEGER NOT NULL DEFAULT 0,
    save_now INTEGER NOT NULL DEFAULT 0,
    sample_now INTEGER NOT NULL DEFAULT 0
  )`;

/** The trainer gives up after 30 s of a locked database; we give way long before. */
const BUSY_MS = 1_000;

export function createReportDatabase(path: string, id: string): void {
  const db = new DatabaseSync(path);
  try {
    db.exec(`PRAGMA journal_mode = WAL; ${SCHEMA}`);
    db.prepare("INSERT INTO Job (id) VALUES (?)").run(id);
  } finally {
    db.close();
  }
}

/** It may be the text of an exception, with the shapes of a whole model. */
const TEXT_MAX_CHARS = 200;
const text = (value: unknown) => String(value ?? "").slice(0, TEXT_MAX_CHARS);

/** The row as it is now; undefined when there is none or the file cannot be read at this moment. */
export function readReport(path: string, id: string): TrainerReport | undefined {
  if (!existsSync(path)) return undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: BUSY_MS });
    const row = db.prepare("SELECT status, info, step, speed_string FROM Job WHERE id = ?").get(id);
    if (!row) return undefined;
    return {
      status: text(row["status"]),
      info: text(row["info"]),
      step: Number(row["step"] ?? 0),
      speed: text(row["speed_string"]) || null,
    };
  } catch {
    return undefined; // busy or damaged: the log and the exit status still tell
  } finally {
    db?.close();
  }
}

/** The trainer acts on it at the end of its present step. @throws Error when the row cannot be written within a second */
export function requestOf(path: string, id: string, request: Request): void {
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  try {
    db.prepare(`UPDATE Job SET ${request} = 1 WHERE id = ?`).run(id);
  } finally {
    db.close();
  }
}
