// The machines this router has ever met, and what is on which of them. Kept over restarts: a box that is off is still
// known by name.
import * as v from "valibot";
import { type Hello, HelloShape } from "../shared/protocol.ts";
import type { Sql } from "./sql.ts";

export interface Machine {
  readonly name: string;
  readonly machine_id: string;
  readonly agent_version: string;
  /** ISO 8601 UTC, as all times here. */
  readonly first_seen_at: string;
  readonly last_seen_at: string;
}

const Row = v.object({
  name: v.string(),
  machine_id: v.string(),
  agent_version: v.string(),
  first_seen_at: v.string(),
  last_seen_at: v.string(),
});

const StoredHello = v.pipe(v.string(), v.parseJson(), HelloShape);

/** A machine that was away for so long is not counted any more, until it comes back. */
const FORGET_MS = 30 * 86_400_000;
/** `last_seen_at` of one that is connected is written at most this often. */
const TOUCH_MS = 60_000;
/** Things whose machine is remembered; an older job is looked for on all machines. */
const PLACES_MAX = 10_000;

export class MachineRegistry {
  readonly #sql: Sql;
  readonly #now: () => Date;
  /** The table, in memory: every call asks for it. */
  readonly #known = new Map<string, Machine>();

  constructor(sql: Sql, now: () => Date = () => new Date()) {
    this.#sql = sql;
    this.#now = now;
    sql.all(
      `CREATE TABLE IF NOT EXISTS machines (
         name TEXT PRIMARY KEY, machine_id TEXT NOT NULL, agent_version TEXT NOT NULL, hello TEXT NOT NULL,
         first_seen_at TEXT NOT NULL, last_seen_at TEXT NOT NULL
       ) STRICT`,
    );
    sql.all("CREATE TABLE IF NOT EXISTS places (thing TEXT PRIMARY KEY, machine TEXT NOT NULL) STRICT");
    this.#load();
    this.forget(() => false);
  }

  #load(): void {
    this.#known.clear();
    for (const row of this.#sql.all("SELECT * FROM machines ORDER BY name")) {
      const machine = v.parse(Row, row);
      this.#known.set(machine.name, machine);
    }
  }

  /** By name. */
  all(): readonly Machine[] {
    return [...this.#known.values()];
  }

  get(name: string): Machine | undefined {
    return this.#known.get(name);
  }

  /** What the machine said of itself when it connected last. */
  helloOf(name: string): Hello | undefined {
    const [row] = this.#sql.all("SELECT hello FROM machines WHERE name = ?", name);
    const hello = v.safeParse(StoredHello, row?.["hello"]);
    return hello.success ? hello.output : undefined;
  }

  /**
   * An agent has connected.
   * @param isOnline tells of other names whether somebody is there
   * @returns the name under which the same machine was known before, when it has been given a new one
   */
  met(name: string, hello: Hello, isOnline: (name: string) => boolean): string | undefined {
    const now = this.#now().toISOString();
    const before = this.all().find(
      (machine) =>
        machine.machine_id === hello.machine_id && machine.name !== name && !isOnline(machine.name),
    );
    this.#sql.transaction(() => {
      if (before) {
        this.#sql.all("DELETE FROM machines WHERE name = ?", before.name);
        this.#sql.all("UPDATE places SET machine = ? WHERE machine = ?", name, before.name);
      }
      this.#sql.all(
        `INSERT INTO machines (name, machine_id, agent_version, hello, first_seen_at, last_seen_at) VALUES (?, ?, ?, ?, ?, ?)
         ON CONFLICT (name) DO UPDATE SET machine_id = excluded.machine_id, agent_version = excluded.agent_version,
           hello = excluded.hello, last_seen_at = excluded.last_seen_at`,
        name,
        hello.machine_id,
        hello.agent_version,
        JSON.stringify(hello),
        before?.first_seen_at ?? now,
        now,
      );
    });
    this.#load();
    return before?.name;
  }

  /** It is here now, or was until now. @param exactly false: only when the last note is old */
  seen(name: string, exactly: boolean): void {
    const machine = this.#known.get(name);
    const now = this.#now();
    if (!machine || (!exactly && now.getTime() - Date.parse(machine.last_seen_at) < TOUCH_MS)) return;
    const last_seen_at = now.toISOString();
    this.#known.set(name, { ...machine, last_seen_at });
    this.#sql.all("UPDATE machines SET last_seen_at = ? WHERE name = ?", last_seen_at, name);
  }

  /** Drops machines that were away for a month. */
  forget(isOnline: (name: string) => boolean): void {
    const oldest = this.#now().getTime() - FORGET_MS;
    for (const { name, last_seen_at } of this.all()) {
      if (isOnline(name) || Date.parse(last_seen_at) > oldest) continue;
      this.#known.delete(name);
      this.#sql.all("DELETE FROM machines WHERE name = ?", name);
      this.#sql.all("DELETE FROM places WHERE machine = ?", name);
    }
  }

  /** @param thing `job:<id>`, or `key:<key>` of a start that has been placed */
  put(thing: string, name: string): void {
    this.#sql.all("INSERT OR REPLACE INTO places (thing, machine) VALUES (?, ?)", thing, name);
    this.#sql.all("DELETE FROM places WHERE rowid <= (SELECT max(rowid) FROM places) - ?", PLACES_MAX);
  }

  placeOf(thing: string): string | undefined {
    const [row] = this.#sql.all("SELECT machine FROM places WHERE thing = ?", thing);
    return row && String(row["machine"]);
  }
}
