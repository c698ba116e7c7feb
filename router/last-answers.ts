// What read tools answered last, for the time when their machine is away. Who asked is kept with it, only so that nobody
// pushes out by many questions what others have asked for.
import * as v from "valibot";
import { Blocks } from "../shared/fields.ts";
import { pruneFairly } from "../shared/prune-fairly.ts";
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
  readonly caller: string;
  readonly machine: string;
  readonly tool: string;
  readonly input: string;
  readonly answer: ToolAnswer;
  readonly asOf: string;
}

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
    sql.all("DROP TABLE IF EXISTS last_answers"); // it knew no callers
    // What is long comes last: to count the rest of a row, nobody has to read past it.
    sql.all(
      `CREATE TABLE IF NOT EXISTS asked_answers (
         seq INTEGER PRIMARY KEY AUTOINCREMENT, machine TEXT NOT NULL, tool TEXT NOT NULL, input TEXT NOT NULL,
         caller TEXT NOT NULL, chars INTEGER NOT NULL, as_of TEXT NOT NULL, answer TEXT NOT NULL,
         UNIQUE (machine, tool, input, caller)
       ) STRICT`,
    );
  }

  /**
   * @param input the checked arguments: equal calls have equal ones
   * @param answer at most ANSWER_CHARS_MAX long, which its reader knows without writing it again
   * @param caller who asked
   */
  put(machine: string, tool: string, input: object, answer: ToolAnswer, caller = ""): void {
    const text = JSON.stringify(input);
    if (text.length > INPUT_CHARS_MAX) return;
    const key = [machine, tool, text, caller].join("\n");
    this.#waiting.delete(key);
    this.#waiting.set(key, { machine, tool, input: text, caller, answer, asOf: this.#now().toISOString() });
    if (this.#waiting.size >= WAITING_MAX) this.flush();
    else if (!this.#scheduled) {
      this.#scheduled = true;
      this.#later(() => this.flush());
    }
  }

  /** Whoever has asked. */
  get(machine: string, tool: string, input: object): LastAnswer | undefined {
    this.flush();
    const [row] = this.#sql.all(
      "SELECT answer, as_of FROM asked_answers WHERE machine = ? AND tool = ? AND input = ? ORDER BY seq DESC LIMIT 1",
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
      this.#sql.all("DELETE FROM asked_answers WHERE machine = ?", now);
      this.#sql.all("UPDATE asked_answers SET machine = ? WHERE machine = ?", now, before);
    });
  }

  flush(): void {
    this.#scheduled = false;
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#sql.transaction(() => {
      for (const { machine, tool, input, caller, answer, asOf } of waiting) {
        const text = JSON.stringify(answer);
        if (text.length > ANSWER_CHARS_MAX) continue;
        // Replaced, not updated: the newest has the highest seq.
        this.#sql.all(
          "INSERT OR REPLACE INTO asked_answers (machine, tool, input, caller, answer, chars, as_of) VALUES (?, ?, ?, ?, ?, ?, ?)",
          machine,
          tool,
          input,
          caller,
          text,
          text.length,
          asOf,
        );
      }
      this.#prune();
    });
  }

  #prune(): void {
    this.#sql.all(pruneFairly("asked_answers", "caller"), ROWS_MAX);
    this.#sql.all(pruneFairly("asked_answers", "caller", "chars"), CHARS_MAX);
  }
}
