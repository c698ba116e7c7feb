// What read tools answered last, for the time when their machine is away.
import * as v from "valibot";
import { Blocks } from "../shared/fields.ts";
import type { ToolAnswer } from "./backend.ts";
import type { Sql } from "./sql.ts";

export interface LastAnswer {
  readonly answer: ToolAnswer;
  /** ISO 8601 UTC: when it was true. */
  readonly asOf: string;
}

const Stored = v.variant("kind", [
  v.object({ kind: v.literal("json"), output: v.record(v.string(), v.unknown()) }),
  v.object({ kind: v.literal("content"), content: Blocks.entries.content }),
]);

/** A longer answer is not kept: it is a log or a model, and not what one asks of a box that is off. */
export const ANSWER_CHARS_MAX = 512 * 1024;
const INPUT_CHARS_MAX = 2_000;
const ROWS_MAX = 2_000;
const CHARS_MAX = 64 * 1024 * 1024;
/** Answers that wait to be written. Polls of one job replace each other. */
const WAITING_MAX = 100;

interface Waiting {
  readonly machine: string;
  readonly tool: string;
  readonly input: string;
  readonly answer: ToolAnswer;
  readonly asOf: string;
}

const keyOf = (machine: string, tool: string, input: string) => `${machine}\n${tool}\n${input}`;

export class LastAnswers {
  readonly #sql: Sql;
  readonly #later: (work: () => void) => void;
  readonly #now: () => Date;
  readonly #waiting = new Map<string, Waiting>();
  #scheduled = false;

  /** @param later runs `flush` soon: writing at once would cost each call as much as the call itself */
  constructor(sql: Sql, later: (flush: () => void) => void, now: () => Date = () => new Date()) {
    this.#sql = sql;
    this.#later = later;
    this.#now = now;
    sql.all(
      `CREATE TABLE IF NOT EXISTS last_answers (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL, tool TEXT NOT NULL, input TEXT NOT NULL,
         answer TEXT NOT NULL, chars INTEGER NOT NULL, as_of TEXT NOT NULL, UNIQUE (machine, tool, input)
       ) STRICT`,
    );
  }

  /**
   * @param input the checked arguments: equal calls have equal ones
   * @param answer at most ANSWER_CHARS_MAX long, which its reader knows without writing it again
   */
  put(machine: string, tool: string, input: object, answer: ToolAnswer): void {
    const text = JSON.stringify(input);
    if (text.length > INPUT_CHARS_MAX) return;
    const key = keyOf(machine, tool, text);
    this.#waiting.delete(key);
    this.#waiting.set(key, { machine, tool, input: text, answer, asOf: this.#now().toISOString() });
    if (this.#waiting.size >= WAITING_MAX) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#later(() => this.flush());
    }
  }

  get(machine: string, tool: string, input: object): LastAnswer | undefined {
    this.flush();
    const [row] = this.#sql.all(
      "SELECT answer, as_of FROM last_answers WHERE machine = ? AND tool = ? AND input = ?",
      machine,
      tool,
      JSON.stringify(input),
    );
    if (!row) return undefined;
    const stored = v.parse(
      v.object({ answer: v.pipe(v.string(), v.parseJson(), Stored), as_of: v.string() }),
      row,
    );
    return { answer: stored.answer, asOf: stored.as_of };
  }

  rename(before: string, now: string): void {
    this.flush();
    this.#sql.transaction(() => {
      this.#sql.all("DELETE FROM last_answers WHERE machine = ?", now);
      this.#sql.all("UPDATE last_answers SET machine = ? WHERE machine = ?", now, before);
    });
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#sql.transaction(() => {
      for (const { machine, tool, input, answer, asOf } of waiting) {
        const text = JSON.stringify(answer);
        if (text.length > ANSWER_CHARS_MAX) continue;
        // Replaced, not updated: the newest has the highest seq.
        this.#sql.all(
          "INSERT OR REPLACE INTO last_answers (machine, tool, input, answer, chars, as_of) VALUES (?, ?, ?, ?, ?, ?)",
          machine,
          tool,
          input,
          text,
          text.length,
          asOf,
        );
      }
      this.#prune();
    });
  }

  #prune(): void {
    this.#sql.all(
      `DELETE FROM last_answers WHERE seq IN (
         SELECT seq FROM (
           SELECT seq, row_number() OVER newest AS rows, sum(chars) OVER newest AS chars
           FROM last_answers WINDOW newest AS (ORDER BY seq DESC)
         ) WHERE rows > ? OR chars > ?)`,
      ROWS_MAX,
      CHARS_MAX,
    );
  }
}
