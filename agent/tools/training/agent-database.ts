// The tables of agent.db, and how those of an older version become today's.
import type { DatabaseSync } from "node:sqlite";
import { QUEUE_COLUMNS } from "../queue/queue-store.ts";
import { SPEED_COLUMNS } from "../queue/speed-store.ts";
import { STOPS_TABLE } from "./stop-store.ts";
import { transaction } from "./transaction.ts";
import { openWalDatabase } from "./wal-database.ts";

/** One statement a version; `PRAGMA user_version` counts those that ran. Old ones are never edited. */
const MIGRATIONS = [
  `CREATE TABLE jobs (
     seq INTEGER PRIMARY KEY AUTOINCREMENT,
     id TEXT NOT NULL UNIQUE,
     config TEXT NOT NULL,
     name TEXT NOT NULL,
     trainer TEXT NOT NULL,
     status TEXT NOT NULL,
     total_steps INTEGER,
     output_folder TEXT NOT NULL,
     dataset_folders TEXT NOT NULL,
     created_at TEXT NOT NULL,
     started_at TEXT,
     finished_at TEXT,
     pid INTEGER,
     start_ticks INTEGER,
     boot_id TEXT,
     claimed_pid INTEGER,
     claimed_ticks INTEGER,
     stop_requested_at TEXT,
     exit_code INTEGER,
     final_step INTEGER,
     reason TEXT,
     hint TEXT
   ) STRICT;
   CREATE INDEX jobs_by_status ON jobs(status, seq);`,
  QUEUE_COLUMNS,
  SPEED_COLUMNS,
  STOPS_TABLE,
  "ALTER TABLE jobs ADD COLUMN requests TEXT NOT NULL DEFAULT 'stop save_now sample_now';",
  // Beside the jobs, for lists read those whole. The index holds only what is to be done, mostly nothing.
  `CREATE TABLE records (job_id TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT;
   ALTER TABLE jobs ADD COLUMN recorded_end TEXT;
   CREATE INDEX jobs_unrecorded ON jobs(seq) WHERE finished_at IS NOT NULL AND recorded_end IS NOT finished_at;`,
] as const;

/** @throws Error for a database of a newer version, which is left as it is */
export function openAgentDatabase(path: string): DatabaseSync {
  const db = openWalDatabase(path);
  try {
    transaction(db, () => migrate(db));
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function migrate(db: DatabaseSync): void {
  const { user_version } = db.prepare("PRAGMA user_version").get() as { user_version: number };
  if (user_version > MIGRATIONS.length) {
    throw new Error(`agent.db was written by a newer version of mcp-ai-toolkit; update this one`);
  }
  for (const migration of MIGRATIONS.slice(user_version)) db.exec(migration);
  db.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
}
