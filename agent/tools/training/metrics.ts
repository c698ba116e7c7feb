// Curves of a run from ai-toolkit's loss_log.db: every figure is there, an answer holds as many as a reader can use.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { readDatabase } from "../../files/read-only-database.ts";
import { downsample, type Point, smooth } from "./curve.ts";
import { LOSS } from "./loss-log.ts";
import { isLoss, smoothedLast, TREND_WEIGHT } from "./loss-stats.ts";

export interface Series {
  readonly key: string;
  readonly points: readonly Point[];
  /** How many figures the log holds for the asked range. */
  readonly logged: number;
  readonly min: Point | null;
  readonly last: Point | null;
  /** The last figure of the smoothed curve. */
  readonly smoothed: number | null;
  /** Steps whose figure was no number (NaN, infinite). */
  readonly bad_steps: readonly number[];
}

/** Bad steps that are named; a run that has blown up has nothing else. */
const BAD_STEPS_MAX = 20;

export interface MetricsRange {
  /** 0-based loop steps, as the trainer logs them; the first step of a run is never logged. */
  readonly sinceStep: number;
  readonly points: number;
  /** Unix seconds: what was logged later belongs to a later run in the same folder. */
  readonly until?: number | undefined;
}

interface Figures {
  readonly good: readonly Point[];
  readonly bad: readonly number[];
}

function figuresOf(
  db: DatabaseSync,
  key: string,
  { sinceStep, until = Number.MAX_VALUE }: Omit<MetricsRange, "points">,
): Figures {
  const rows = db
    .prepare(
      `SELECT step, value_real AS value FROM metrics JOIN steps USING (step)
       WHERE key = ? AND step >= ? AND wall_time <= ? ORDER BY step`,
    )
    .iterate(key, sinceStep, until) as Iterable<{ step: number; value: number | null }>;
  const good: Point[] = [];
  const bad: number[] = [];
  for (const { step, value } of rows) {
    // SQLite stores NaN as NULL.
    const isFigure = key === LOSS ? isLoss(value) : value !== null && Number.isFinite(value);
    if (isFigure && value !== null) good.push({ step, value });
    else bad.push(step);
  }
  return { good, bad };
}

function lowest(points: readonly Point[]): Point | null {
  return points.reduce<Point | null>((min, point) => (min && min.value <= point.value ? min : point), null);
}

function readOne(db: DatabaseSync, key: string, range: MetricsRange): Series {
  const { good, bad } = figuresOf(db, key, range);
  return {
    key,
    points: downsample(good, range.points),
    logged: good.length + bad.length,
    min: lowest(good),
    last: good.at(-1) ?? null,
    smoothed: smoothedLast(good),
    bad_steps: bad.slice(0, BAD_STEPS_MAX),
  };
}

/** Reads a run's log of figures; undefined when it has none (yet). */
function withFigures<T>(outputFolder: string, read: (db: DatabaseSync) => T): T | undefined {
  const path = join(outputFolder, "loss_log.db");
  if (!existsSync(path)) return undefined;
  return readDatabase(path, 1_000, (db) => {
    const made = db
      .prepare("SELECT count(*) AS n FROM sqlite_master WHERE name IN ('metrics', 'metric_keys', 'steps')")
      .get();
    return made?.["n"] === 3 ? read(db) : undefined; // the file is there before its tables
  });
}

/** All keys that the run has logged, or only those asked for. Undefined when the run has no log of figures (yet). */
export function readMetrics(
  outputFolder: string,
  keys: readonly string[] | undefined,
  range: MetricsRange,
): Series[] | undefined {
  return withFigures(outputFolder, (db) => {
    const known = (db.prepare("SELECT key FROM metric_keys ORDER BY key").all() as { key: string }[]).map(
      ({ key }) => key,
    );
    return known
      .filter((key) => keys === undefined || keys.includes(key))
      .map((key) => readOne(db, key, range));
  });
}

/** The smoothed curve of one key, every point of it; empty when there is none. */
export function readTrend(outputFolder: string, key: string, until?: number): Point[] {
  const points = withFigures(outputFolder, (db) =>
    smooth(figuresOf(db, key, { sinceStep: 0, until }).good, TREND_WEIGHT),
  );
  return points ?? [];
}

/** How many steps were logged until then. */
export function countSteps(outputFolder: string, until: number): number {
  const row = withFigures(outputFolder, (db) =>
    db.prepare("SELECT count(*) AS n FROM steps WHERE wall_time <= ?").get(until),
  );
  return Number(row?.["n"] ?? 0);
}

/** When steps were logged, in their order: Unix seconds between `since` and `until`. */
export function readStepTimes(
  outputFolder: string,
  since: number,
  until = Number.MAX_VALUE,
): { readonly step: number; readonly wallTime: number }[] {
  const rows = withFigures(outputFolder, (db) =>
    db
      .prepare(
        "SELECT step, wall_time AS wallTime FROM steps WHERE wall_time >= ? AND wall_time <= ? ORDER BY step",
      )
      .all(since, until),
  );
  return (rows ?? []) as { step: number; wallTime: number }[];
}
