// ai-toolkit's `loss_log.db` (toolkit/logging_aitk.py): loss, learning rate and the wall time of each step.
// Its step numbers count from 0 and the first step of a run is never logged. A run may have 100,000 steps and more, so
// every question here is answered through an index, but for the first search for the lowest loss.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { readDatabase } from "../../files/read-only-database.ts";
import type { Point } from "./curve.ts";
import type { LoggedStep } from "./pace.ts";

export const LOSS = "loss/loss";
const LEARNING_RATE = "learning_rate";

export interface LoggedValue {
  readonly step: number;
  /** null: no number. */
  readonly value: number | null;
}

export interface LossLog {
  /** The newest step. */
  readonly newest: LoggedStep;
  /** The first step of the whole curve, earlier runs that this one resumes included. */
  readonly oldestStep: number;
  first(): LoggedStep | undefined;
  /** The newest steps, oldest first. */
  steps(count: number): LoggedStep[];
  /** The step that was logged at or after this one, with the one before it; empty where either is missing. */
  around(step: number): LoggedStep[];
  /** The first step logged since `wallTime`; looks through all before it. */
  firstSince(wallTime: number): number | null;
  /** The newest losses, oldest first. */
  losses(count: number): LoggedValue[];
  /** Losses from this step on, oldest first. */
  lossesFrom(step: number, count: number): LoggedValue[];
  /** The learning rate of the newest step that trained: one that ran out of memory logs 0. */
  learningRate(): number | null;
  /** The lowest loss behind `step`; zeros stand for NaN. */
  lowestLoss(step: number): Point | null;
}

/**
 * Opens the log for as long as `read` takes. `until` (Unix seconds): a later run in the same folder goes on in the same
 * file. Undefined when there is no such file, nothing in it since `since`, or it cannot be read right now.
 */
export function readLossLog<T>(
  outputFolder: string,
  { since, until = Number.MAX_VALUE }: { readonly since: number; readonly until?: number },
  read: (log: LossLog) => T,
): T | undefined {
  const path = join(outputFolder, "loss_log.db");
  if (!existsSync(path)) return undefined;
  try {
    return readDatabase(path, 500, (db) => {
      const log = openLog(db, since, until);
      return log && read(log);
    });
  } catch (error) {
    if (isDatabaseError(error)) return undefined; // being created or locked this moment; the next poll sees it
    throw error;
  }
}

/** The first and the last step of the whole log, each with its time; undefined where nothing was logged. */
export function loggedSpan(
  outputFolder: string,
): { readonly first: LoggedStep; readonly last: LoggedStep } | undefined {
  return readLossLog(outputFolder, { since: 0 }, (log) => {
    const first = log.first();
    return first && { first, last: log.newest };
  });
}

const isDatabaseError = (error: unknown) =>
  error instanceof Error && "code" in error && error.code === "ERR_SQLITE_ERROR";

const STEP = "step, wall_time AS wallTime";
const VALUE = "step, value_real AS value";

function openLog(db: DatabaseSync, since: number, until: number): LossLog | undefined {
  const prepared = new Map<string, StatementSync>();
  // Rows as the statements name their columns.
  const all = <T>(sql: string, ...values: SQLInputValue[]) => {
    const statement = prepared.get(sql) ?? db.prepare(sql);
    prepared.set(sql, statement);
    return statement.all(...values) as T[];
  };
  const [newest] = all<LoggedStep>(
    `SELECT ${STEP} FROM steps WHERE wall_time <= ? ORDER BY step DESC LIMIT 1`,
    until,
  );
  // Before the first step of this run is logged, those of an earlier one are still there.
  if (!newest || newest.wallTime < since) return undefined;
  const last = newest.step;
  const [oldest] = all<{ step: number }>("SELECT min(step) AS step FROM steps");
  return {
    newest,
    oldestStep: oldest?.step ?? last,
    first: () => all<LoggedStep>(`SELECT ${STEP} FROM steps ORDER BY step LIMIT 1`)[0],
    steps: (count) =>
      all<LoggedStep>(
        `SELECT ${STEP} FROM steps WHERE step <= ? ORDER BY step DESC LIMIT ?`,
        last,
        count,
      ).reverse(),
    around: (step) => {
      const [to] = all<LoggedStep>(
        `SELECT ${STEP} FROM steps WHERE step BETWEEN ? AND ? ORDER BY step LIMIT 1`,
        step,
        last,
      );
      const [from] = all<LoggedStep>(
        `SELECT ${STEP} FROM steps WHERE step < ? ORDER BY step DESC LIMIT 1`,
        step,
      );
      return from && to ? [from, to] : [];
    },
    firstSince: (wallTime) =>
      all<LoggedStep>(`SELECT ${STEP} FROM steps WHERE wall_time >= ? ORDER BY step LIMIT 1`, wallTime)[0]
        ?.step ?? null,
    losses: (count) =>
      all<LoggedValue>(
        `SELECT ${VALUE} FROM metrics WHERE key = ? AND step <= ? ORDER BY step DESC LIMIT ?`,
        LOSS,
        last,
        count,
      ).reverse(),
    lossesFrom: (step, count) =>
      all<LoggedValue>(
        `SELECT ${VALUE} FROM metrics WHERE key = ? AND step BETWEEN ? AND ? ORDER BY step LIMIT ?`,
        LOSS,
        step,
        last,
        count,
      ),
    learningRate: () => {
      const [trained] = all<{ step: number }>(
        "SELECT step FROM metrics WHERE key = ? AND step <= ? ORDER BY step DESC LIMIT 1",
        LOSS,
        last,
      );
      const [rate] = all<LoggedValue>(
        `SELECT ${VALUE} FROM metrics WHERE key = ? AND step <= ? ORDER BY step DESC LIMIT 1`,
        LEARNING_RATE,
        trained?.step ?? last,
      );
      return rate?.value ?? null;
    },
    lowestLoss: (step) => {
      // The whole curve is read three times as fast past the index.
      const table = step < 0 ? "metrics NOT INDEXED" : "metrics";
      const [lowest] = all<LoggedValue>(
        // A bare column beside min() is that of the row with the minimum (sqlite.org/lang_select.html#bareagg).
        `SELECT step, min(value_real) AS value FROM ${table}
         WHERE key = ? AND step > ? AND step <= ? AND value_real <> 0`,
        LOSS,
        step,
        last,
      );
      return lowest && lowest.value !== null ? { step: lowest.step, value: lowest.value } : null;
    },
  };
}
