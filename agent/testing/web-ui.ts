// For tests: what ai-toolkit's web UI leaves on the disk, a database as its Prisma makes it, in any of its ages.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** ai-toolkit `ui/prisma/schema.prisma`: what a `Job` had at first, and what came with the years. */
const FIRST = `"id" TEXT NOT NULL PRIMARY KEY, "name" TEXT NOT NULL, "gpu_ids" TEXT NOT NULL,
  "job_config" TEXT NOT NULL, "created_at" DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  "updated_at" DATETIME NOT NULL, "status" TEXT NOT NULL DEFAULT 'stopped', "stop" BOOLEAN NOT NULL DEFAULT false,
  "step" INTEGER NOT NULL DEFAULT 0, "info" TEXT NOT NULL DEFAULT ''`;
const LATER = `"speed_string" TEXT NOT NULL DEFAULT '', "return_to_queue" BOOLEAN NOT NULL DEFAULT false,
  "total_steps" INTEGER, "queue_position" INTEGER NOT NULL DEFAULT 0, "pid" INTEGER,
  "job_type" TEXT NOT NULL DEFAULT 'train', "job_ref" TEXT, "save_now" BOOLEAN NOT NULL DEFAULT false,
  "sample_now" BOOLEAN NOT NULL DEFAULT false`;

const SCHEMAS = {
  "2025-02": `CREATE TABLE "Job" (${FIRST})`,
  "2026-07": `CREATE TABLE "Job" (${FIRST}, ${LATER});
    CREATE TABLE "Queue" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "gpu_ids" TEXT NOT NULL, "is_running" BOOLEAN NOT NULL DEFAULT false)`,
} as const;

export interface UiRow {
  readonly id: string;
  readonly name: string;
  readonly [column: string]: string | number | null;
}

export interface WebUi {
  /** Its database. */
  readonly path: string;
  add(row: UiRow): void;
  update(id: string, values: Readonly<Record<string, string | number | null>>): void;
  run(sql: string): void;
  /** The folder of a job as `startJob.ts` makes it. @returns the config's path */
  putJob(name: string, config: unknown, log?: string): Promise<string>;
}

export interface WebUiOptions {
  readonly age?: keyof typeof SCHEMAS;
  readonly journal?: "WAL" | "DELETE";
}

export async function putWebUi(
  toolkit: string,
  { age = "2026-07", journal = "WAL" }: WebUiOptions = {},
): Promise<WebUi> {
  await mkdir(toolkit, { recursive: true });
  const path = join(toolkit, "aitk_db.db");
  const using = (work: (db: DatabaseSync) => void) => {
    const db = new DatabaseSync(path, { timeout: 5_000 });
    try {
      work(db);
    } finally {
      db.close();
    }
  };
  using((db) =>
    db.exec(`PRAGMA journal_mode = ${journal}; ${SCHEMAS[age]};
      CREATE TABLE "Settings" ("id" INTEGER PRIMARY KEY AUTOINCREMENT, "key" TEXT NOT NULL, "value" TEXT NOT NULL)`),
  );
  return {
    path,
    add(row) {
      const values = {
        gpu_ids: "0",
        job_config: "{}",
        created_at: Date.now(),
        updated_at: Date.now(),
        ...row,
      };
      const columns = Object.keys(values);
      const places = columns.map(() => "?").join(", ");
      using((db) =>
        db
          .prepare(`INSERT INTO Job (${columns.join(", ")}) VALUES (${places})`)
          .run(...Object.values(values)),
      );
    },
    update(id, values) {
      const set = Object.keys(values).map((column) => `${column} = ?`);
      using((db) =>
        db.prepare(`UPDATE Job SET ${set.join(", ")} WHERE id = ?`).run(...Object.values(values), id),
      );
    },
    run: (sql) => using((db) => db.exec(sql)),
    async putJob(name, config, log = "") {
      const folder = join(toolkit, "output", name);
      await mkdir(folder, { recursive: true });
      const file = join(folder, ".job_config.json");
      await writeFile(file, JSON.stringify(config));
      await writeFile(join(folder, "log.txt"), log);
      return file;
    },
  };
}
