// What was changed by whom. One row for each call that is no mere look; never what was in it.
import * as v from "valibot";
import { toToolError } from "../shared/errors.ts";
import { pruneFairly } from "../shared/prune-fairly.ts";
import { contractOf, TOOLS } from "../shared/tools/index.ts";
import type { Caller } from "./auth/caller.ts";
import type { Backend } from "./backend.ts";
import type { Sql } from "./sql.ts";

export interface AuditEntry {
  readonly seq: number;
  readonly at: string;
  readonly caller_id: string;
  readonly caller_label: string;
  readonly tool: string;
  /** The thing that was changed, by the name the caller gave it; null where the call names none. */
  readonly target: string | null;
  /** "ok" or the error's code. */
  readonly outcome: string;
  readonly duration_ms: number;
}

const Row = v.object({
  seq: v.number(),
  at: v.string(),
  caller_id: v.string(),
  caller_label: v.string(),
  tool: v.string(),
  target: v.nullable(v.string()),
  outcome: v.string(),
  duration_ms: v.number(),
});

/** Rows kept. At a write a minute that is two months. */
const ROWS_MAX = 100_000;
/** Of them for what whoever may but read can do, too: it must not push out what others have changed. */
const OF_READERS_MAX = 10_000;
/** Calls beyond the caller's scopes, and those of tools that leave something behind and change nothing. */
const OF_READERS = `outcome = 'forbidden' OR tool IN (${TOOLS.filter(
  ({ scope, effect }) => scope === "read" && effect !== "read",
).map(({ name }) => `'${name}'`)})`;
/** Surplus ones are looked for once in so many. */
const PRUNE_EVERY = 100;

export interface AuditOptions {
  readonly now?: () => Date;
  readonly ofReadersMax?: number;
}
/** Arguments that name what a call is about; all others may hold captions, prompts or secrets. */
const TARGET_KEYS = ["job_id", "config_name", "dataset_name", "model_name", "name", "trash_id"] as const;
const TARGET_MAX = 200;

function targetOf(args: unknown): string | null {
  if (typeof args !== "object" || args === null) return null;
  for (const key of TARGET_KEYS) {
    const value = (args as Readonly<Record<string, unknown>>)[key];
    if (typeof value === "string") return value.slice(0, TARGET_MAX);
  }
  return null;
}

export class Audit {
  readonly #sql: Sql;
  readonly #now: () => Date;
  readonly #ofReadersMax: number;
  #added = 0;

  constructor(sql: Sql, { now = () => new Date(), ofReadersMax = OF_READERS_MAX }: AuditOptions = {}) {
    this.#sql = sql;
    this.#now = now;
    this.#ofReadersMax = ofReadersMax;
    sql.all(
      `CREATE TABLE IF NOT EXISTS audit (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, caller_id TEXT NOT NULL, caller_label TEXT NOT NULL,
         tool TEXT NOT NULL, target TEXT, outcome TEXT NOT NULL, duration_ms INTEGER NOT NULL
       ) STRICT`,
    );
  }

  add(caller: Caller, tool: string, target: string | null, outcome: string, durationMs: number): void {
    this.#sql.all(
      `INSERT INTO audit (at, caller_id, caller_label, tool, target, outcome, duration_ms) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      this.#now().toISOString(),
      caller.id,
      caller.label,
      tool,
      target,
      outcome,
      Math.round(durationMs),
    );
    if (++this.#added % PRUNE_EVERY === 0) this.#prune();
  }

  /** Rows are counted, for seq has gaps where those of readers went. */
  #prune(): void {
    this.#sql.all(pruneFairly("audit", "caller_id", "1", OF_READERS), this.#ofReadersMax);
    this.#sql.all(
      "DELETE FROM audit WHERE seq <= (SELECT seq FROM audit ORDER BY seq DESC LIMIT 1 OFFSET ?)",
      ROWS_MAX,
    );
  }

  /** Newest first. @param before only entries older than this `seq` */
  list(limit: number, before?: number): AuditEntry[] {
    return this.#sql
      .all(
        "SELECT * FROM audit WHERE seq < ? ORDER BY seq DESC LIMIT ?",
        before ?? Number.MAX_SAFE_INTEGER,
        limit,
      )
      .map((row) => v.parse(Row, row));
  }
}

/** Notes every call that may change something, also those that are refused. A tool that nobody describes counts as one. */
export function audited(
  backend: Backend,
  caller: Caller,
  audit: Audit,
  onError: (error: unknown) => void,
): Backend {
  return {
    tools: () => backend.tools(),
    hasTool: (name) => backend.hasTool(name),
    health: () => backend.health(),
    machines: () => backend.machines?.() ?? [],
    async call(tool, args, options) {
      if (contractOf(tool)?.effect === "read") return backend.call(tool, args, options);
      const began = performance.now();
      const note = (outcome: string) => {
        try {
          audit.add(caller, tool.slice(0, TARGET_MAX), targetOf(args), outcome, performance.now() - began);
        } catch (error) {
          onError(error); // a full disk, say: what was done is done, and its answer goes out
        }
      };
      try {
        const answer = await backend.call(tool, args, options);
        note("ok");
        return answer;
      } catch (thrown) {
        note(toToolError(thrown).code);
        throw thrown;
      }
    },
  };
}
