// What MCP has to remember over restarts: a key to sign with, and the tasks that were given up.
import type { Sql } from "../sql.ts";

const KEY_BYTES = 32;
/** A task that was given up before so many others is asked for no more. */
const GIVEN_UP_MAX = 10_000;

export interface Memory {
  readonly key: Uint8Array<ArrayBuffer>;
  giveUp(taskId: string): void;
  isGivenUp(taskId: string): boolean;
}

/** For a server that keeps nothing: what it remembers is gone with it. */
export function shortMemory(): Memory {
  const givenUp = new Set<string>();
  return {
    key: crypto.getRandomValues(new Uint8Array(KEY_BYTES)),
    giveUp(taskId) {
      givenUp.add(taskId);
      for (const oldest of givenUp) {
        if (givenUp.size <= GIVEN_UP_MAX) break;
        givenUp.delete(oldest);
      }
    },
    isGivenUp: (taskId) => givenUp.has(taskId),
  };
}

/** Several processes may have one `sql`; the first one's key is everybody's. */
export function openMemory(sql: Sql): Memory {
  sql.all("CREATE TABLE IF NOT EXISTS secrets (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT");
  sql.all(
    "CREATE TABLE IF NOT EXISTS given_up (seq INTEGER PRIMARY KEY AUTOINCREMENT, task TEXT NOT NULL UNIQUE) STRICT",
  );
  const fresh = JSON.stringify([...crypto.getRandomValues(new Uint8Array(KEY_BYTES))]);
  sql.all("INSERT OR IGNORE INTO secrets (name, value) VALUES ('mcp', ?)", fresh);
  const [row] = sql.all("SELECT value FROM secrets WHERE name = 'mcp'");
  return {
    key: Uint8Array.from(JSON.parse(String(row?.["value"])) as number[]), // written above, by this or an earlier process
    giveUp(taskId) {
      sql.all("INSERT OR IGNORE INTO given_up (task) VALUES (?)", taskId);
      sql.all("DELETE FROM given_up WHERE seq <= (SELECT max(seq) FROM given_up) - ?", GIVEN_UP_MAX);
    },
    isGivenUp: (taskId) => sql.all("SELECT 1 FROM given_up WHERE task = ?", taskId).length > 0,
  };
}
