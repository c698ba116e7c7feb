// The router's SQLite on Node: one file, in WAL mode, readable by its owner alone.
import { chmodSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Sql } from "./sql.ts";

const BUSY_MS = 5_000;

export interface NodeSql extends Sql {
  close(): void;
}

/** For a router that has nothing to remember: its only machine is its own process. */
export const IN_MEMORY = ":memory:";

/** @throws Error when the file cannot be made or is no database */
export function openSql(path: string): NodeSql {
  if (path !== IN_MEMORY) mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(path, { timeout: BUSY_MS });
  if (path !== IN_MEMORY) chmodSync(path, 0o600);
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
  const prepared = new Map<string, StatementSync>();
  return {
    all(statement, ...values) {
      const ready = prepared.get(statement) ?? db.prepare(statement);
      prepared.set(statement, ready);
      return ready.all(...values);
    },
    transaction(work) {
      db.exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        db.exec("COMMIT");
        return result;
      } catch (error) {
        if (db.isTransaction) db.exec("ROLLBACK");
        throw error;
      }
    },
    close: () => db.close(),
  };
}
