// loss_log.db, as toolkit/logging_aitk.py writes it (ai-toolkit.md §8.4).
import { DatabaseSync } from "node:sqlite";

const FLUSH_ROWS = 256;
const FLUSH_MS = 250;

interface Entry {
  readonly step: number;
  readonly wallTimeS: number;
  readonly values: Readonly<Record<string, number>>;
}

export interface LossLog {
  /** Rows stay in memory for up to 0.25 s or 256 values: what a kill finds there is lost. */
  log(step: number, values: Readonly<Record<string, number>>): void;
  finish(): void;
}

export const NO_LOSS_LOG: LossLog = { log: () => {}, finish: () => {} };

export function openLossLog(path: string): LossLog {
  const db = new DatabaseSync(path, { timeout: 30_000 });
  db.exec(
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON",
  );
  db.exec(`
    CREATE TABLE IF NOT EXISTS steps (step INTEGER PRIMARY KEY, wall_time REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS metric_keys (key TEXT PRIMARY KEY, first_seen_step INTEGER, last_seen_step INTEGER);
    CREATE TABLE IF NOT EXISTS metrics (
      step INTEGER NOT NULL,
      key TEXT NOT NULL,
      value_real REAL,
      value_text TEXT,
      PRIMARY KEY (step, key),
      FOREIGN KEY (step) REFERENCES steps (step) ON DELETE CASCADE
    );
    CREATE INDEX IF NOT EXISTS idx_metrics_key_step ON metrics (key, step);
  `);
  const pending: Entry[] = [];
  let flushedMs = performance.now();
  let started = false;

  /** Rows of an earlier run that went further than where this one begins. */
  const forgetAfter = (step: number) => {
    db.prepare("DELETE FROM steps WHERE step > ?").run(step);
    db.exec("DELETE FROM metric_keys WHERE key NOT IN (SELECT key FROM metrics)");
    db.prepare(
      "UPDATE metric_keys SET last_seen_step = (SELECT max(step) FROM metrics WHERE metrics.key = metric_keys.key) WHERE last_seen_step > ?",
    ).run(step);
  };

  const flush = () => {
    const addStep = db.prepare(
      "INSERT INTO steps VALUES (?, ?) ON CONFLICT DO UPDATE SET wall_time = excluded.wall_time",
    );
    const addMetric = db.prepare(
      "INSERT INTO metrics VALUES (?, ?, ?, NULL) ON CONFLICT DO UPDATE SET value_real = excluded.value_real",
    );
    const addKey = db.prepare(
      "INSERT INTO metric_keys VALUES (:key, :step, :step) ON CONFLICT (key) DO UPDATE SET first_seen_step = min(first_seen_step, :step), last_seen_step = max(last_seen_step, :step)",
    );
    db.exec("BEGIN");
    for (const { step, wallTimeS, values } of pending.splice(0)) {
      addStep.run(step, wallTimeS);
      for (const [key, value] of Object.entries(values)) {
        addMetric.run(step, key, value); // NaN is stored as NULL, in Python too
        addKey.run({ key, step });
      }
    }
    db.exec("COMMIT");
    flushedMs = performance.now();
  };

  return {
    log(step, values) {
      if (!started) forgetAfter(step);
      started = true;
      pending.push({ step, wallTimeS: Date.now() / 1000, values });
      const rows = pending.reduce((sum, entry) => sum + Object.keys(entry.values).length, 0);
      if (rows >= FLUSH_ROWS || performance.now() - flushedMs >= FLUSH_MS) flush();
    },
    finish() {
      flush();
      db.close();
    },
  };
}
