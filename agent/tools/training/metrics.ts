// Curves of a run from ai-toolkit's loss_log.db: every figure is there, an answer holds as many as a reader can use.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface Point {
  readonly step: number;
  readonly value: number;
}

export interface Series {
  readonly key: string;
  readonly points: readonly Point[];
  /** How many figures the log holds for the asked range. */
  readonly logged: number;
  readonly min: Point | null;
  readonly last: Point | null;
  /** Steps whose figure was no number (NaN, infinite). */
  readonly bad_steps: readonly number[];
}

/** Bad steps that are named; a run that has blown up has nothing else. */
const BAD_STEPS_MAX = 20;

/**
 * At most `count` points that keep every peak: the range is cut into equal buckets, and each gives its lowest and its
 * highest point in their order. The first and the last point stay.
 */
export function downsample(points: readonly Point[], count: number): Point[] {
  if (points.length <= count || count < 4) return points.slice(0, Math.max(count, 0));
  const first = points[0];
  const last = points.at(-1);
  const inner = points.slice(1, -1);
  const buckets = Math.floor((count - 2) / 2);
  const picked: Point[] = [];
  for (let bucket = 0; bucket < buckets; bucket++) {
    const from = Math.floor((bucket * inner.length) / buckets);
    const to = Math.floor(((bucket + 1) * inner.length) / buckets);
    let low: Point | undefined;
    let high: Point | undefined;
    for (const point of inner.slice(from, to)) {
      if (!low || point.value < low.value) low = point;
      if (!high || point.value > high.value) high = point;
    }
    if (!low || !high) continue;
    if (low === high) picked.push(low);
    else picked.push(...(low.step < high.step ? [low, high] : [high, low]));
  }
  return [first, ...picked, last].filter((point) => point !== undefined);
}

/**
 * Exponential moving average without the lag of its start: `s / (1 - a^t)`. `weight` 0 is no smoothing, below 1.
 * A run's steps are about evenly spaced, so they count, not their numbers.
 */
export function smooth(points: readonly Point[], weight: number): Point[] {
  let sum = 0;
  let share = 1;
  return points.map(({ step, value }) => {
    sum = weight * sum + (1 - weight) * value;
    share *= weight;
    return { step, value: sum / (1 - share) };
  });
}

export interface MetricsRange {
  /** 0-based loop steps, as the trainer logs them; the first step of a run is never logged. */
  readonly sinceStep: number;
  readonly points: number;
}

function readOne(db: DatabaseSync, key: string, { sinceStep, points }: MetricsRange): Series {
  const rows = db
    .prepare("SELECT step, value_real AS value FROM metrics WHERE key = ? AND step >= ? ORDER BY step")
    .iterate(key, sinceStep) as Iterable<{ step: number; value: number | null }>;
  const good: Point[] = [];
  const bad: number[] = [];
  let min: Point | null = null;
  for (const { step, value } of rows) {
    // sqlite stores NaN as NULL.
    if (value === null || !Number.isFinite(value)) {
      bad.push(step);
      continue;
    }
    const point = { step, value };
    good.push(point);
    if (min === null || value < min.value) min = point;
  }
  return {
    key,
    points: downsample(good, points),
    logged: good.length + bad.length,
    min,
    last: good.at(-1) ?? null,
    bad_steps: bad.slice(0, BAD_STEPS_MAX),
  };
}

/** All keys that the run has logged, or only those asked for. Undefined when the run has no log of figures (yet). */
export function readMetrics(
  outputFolder: string,
  keys: readonly string[] | undefined,
  range: MetricsRange,
): Series[] | undefined {
  const path = join(outputFolder, "loss_log.db");
  if (!existsSync(path)) return undefined;
  const db = new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
  try {
    const made = db
      .prepare("SELECT count(*) AS n FROM sqlite_master WHERE name IN ('metrics', 'metric_keys')")
      .get();
    if (made?.["n"] !== 2) return undefined; // the file is there before its tables
    const known = (db.prepare("SELECT key FROM metric_keys ORDER BY key").all() as { key: string }[]).map(
      ({ key }) => key,
    );
    return known
      .filter((key) => keys === undefined || keys.includes(key))
      .map((key) => readOne(db, key, range));
  } finally {
    db.close();
  }
}
