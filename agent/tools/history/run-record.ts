// What is remembered of a run for ever: its log, its folder and its files may go, or belong to a later run by now.
import { basename, join } from "node:path";
import * as v from "valibot";
import { readHeaderAt } from "../models/safetensors.ts";
import type { Point } from "../training/curve.ts";
import { LOSS } from "../training/loss-log.ts";
import { median } from "../training/median.ts";
import { readMetrics, readStepTimes, readTrend, type Series } from "../training/metrics.ts";
import type { Span } from "../training/run.ts";
import { asOf, listCheckpoints, listSamples } from "../training/run-files.ts";

/** `[step, value]`: half as many characters as an object. */
const Pair = v.tuple([v.number(), v.number()]);

const Curve = v.object({
  key: v.string(),
  logged: v.number(),
  min: v.nullable(Pair),
  last: v.nullable(Pair),
  smoothed: v.nullable(v.number()),
  bad_steps: v.array(v.number()),
  points: v.array(Pair),
});

const RunRecord = v.object({
  /** The private config that it ran with; null when that was gone. */
  config: v.nullable(v.record(v.string(), v.unknown())),
  /** ai-toolkit's, as its newest checkpoint says. */
  trainer_version: v.nullable(v.string()),
  /** Steps in the log of figures, those of the run that it went on from included. */
  logged_steps: v.number(),
  seconds_per_step: v.nullable(v.number()),
  curves: v.array(Curve),
  /** The smoothed loss at evenly spread steps. */
  trend: v.array(Pair),
  checkpoints: v.array(
    v.object({ name: v.string(), step: v.nullable(v.number()), bytes: v.nullable(v.number()) }),
  ),
  samples: v.array(v.object({ name: v.string(), step: v.number(), index: v.number() })),
});
export type RunRecord = v.InferOutput<typeof RunRecord>;

/** Points of the loss that are kept, with every peak; of other figures fewer: most are a straight line. */
const LOSS_POINTS = 500;
const OTHER_POINTS = 100;
const TREND_POINTS = 200;
const CURVES_MAX = 20;
const SAMPLES_MAX = 1_000;

/** Which run, and in which time: what is older or younger in its folder is another one's. */
export interface RunPlace {
  /** `config.name`: the prefix of its files. */
  readonly name: string;
  readonly output_folder: string;
  readonly started_at: string | null;
  readonly finished_at: string | null;
  /** Of a run that is not ours: dates are what is known of it, and do not tell what belongs to it. */
  readonly span?: Span;
}

const rounded = (value: number) => Number(value.toPrecision(6));
const pair = ({ step, value }: Point): [number, number] => [step, rounded(value)];

/** The end of a run as a bound for what belongs to it, in milliseconds; times in ISO 8601 are cut, not rounded. */
export const endMs = ({ finished_at, span }: Pick<RunPlace, "finished_at" | "span">): number =>
  span?.untilMs ?? (finished_at === null ? Number.MAX_SAFE_INTEGER : Date.parse(finished_at) + 1);

/** Its beginning likewise; endless for one that has not begun. */
const startMs = ({ started_at, span }: Pick<RunPlace, "started_at" | "span">): number =>
  span?.sinceMs ?? (started_at === null ? Number.POSITIVE_INFINITY : Date.parse(started_at));

/** `count` points evenly spread over a curve, with both ends. */
export function thinned(points: readonly Point[], count: number): Point[] {
  if (points.length <= count) return [...points];
  const at = (n: number) => points[Math.round((n * (points.length - 1)) / (count - 1))];
  return Array.from({ length: count }, (_, n) => at(n)).filter((point) => point !== undefined);
}

function curvesOf(folder: string, until: number): v.InferOutput<typeof Curve>[] {
  const read = (keys: readonly string[] | undefined, points: number) =>
    readMetrics(folder, keys, { sinceStep: 0, points, until }) ?? [];
  const others = read(undefined, OTHER_POINTS).filter(({ key }) => key !== LOSS);
  return [...read([LOSS], LOSS_POINTS), ...others].slice(0, CURVES_MAX).map((series) => ({
    ...series,
    min: series.min && pair(series.min),
    last: series.last && pair(series.last),
    smoothed: series.smoothed === null ? null : rounded(series.smoothed),
    bad_steps: [...series.bad_steps],
    points: series.points.map(pair),
  }));
}

function secondsPerStep(
  times: readonly { readonly step: number; readonly wallTime: number }[],
): number | null {
  const seconds = times.slice(1).map(({ step, wallTime }, index) => {
    const before = times[index];
    return before ? (wallTime - before.wallTime) / Math.max(1, step - before.step) : 0;
  });
  const middle = median(seconds);
  return middle === null ? null : rounded(middle);
}

const Software = v.pipe(v.string(), v.parseJson(), v.object({ version: v.string() }));

async function versionIn(path: string | undefined): Promise<string | null> {
  const header = path === undefined ? undefined : await readHeaderAt(path).catch(() => undefined); // pruned or damaged
  const software = v.safeParse(Software, header?.metadata?.["software"]);
  return software.success ? software.output.version : null;
}

interface Figures extends Pick<RunRecord, "logged_steps" | "seconds_per_step" | "curves" | "trend"> {}

const NO_FIGURES: Figures = { logged_steps: 0, seconds_per_step: null, curves: [], trend: [] };

function figuresOf(folder: string, startMs: number, untilMs: number): Figures {
  const until = untilMs / 1000;
  const times = readStepTimes(folder, 0, until);
  if (times.length === 0) return NO_FIGURES;
  return {
    logged_steps: times.length,
    seconds_per_step: secondsPerStep(times.filter(({ wallTime }) => wallTime * 1000 >= startMs)),
    curves: curvesOf(folder, until),
    trend: thinned(readTrend(folder, LOSS, until), TREND_POINTS).map(pair),
  };
}

/** A folder that cannot be read or a log that is damaged must not keep the rest from being remembered. */
async function readable<T>(read: () => T | Promise<T>, otherwise: T): Promise<T> {
  try {
    return await read();
  } catch {
    return otherwise;
  }
}

/** What can be said of a run by now; for one that goes on, so far. What cannot be read is null or empty. */
export async function makeRecord(run: RunPlace, config: RunRecord["config"]): Promise<RunRecord> {
  const { name, output_folder: folder } = run;
  const sinceMs = startMs(run);
  const untilMs = endMs(run);
  const figures =
    sinceMs === Number.POSITIVE_INFINITY
      ? NO_FIGURES
      : await readable(() => figuresOf(folder, sinceMs, untilMs), NO_FIGURES);
  const checkpoints = (await readable(() => listCheckpoints(folder, name), []))
    .filter(({ mtimeMs }) => mtimeMs >= sinceMs && mtimeMs <= untilMs)
    .sort((a, b) => a.mtimeMs - b.mtimeMs);
  const newestFile = checkpoints.findLast(({ bytes }) => bytes !== null);
  const samples = asOf(await readable(() => listSamples(folder), []), untilMs);
  return {
    config,
    trainer_version: await versionIn(newestFile && join(folder, newestFile.name)),
    ...figures,
    checkpoints: checkpoints.map(({ name: file, step, bytes }) => ({ name: file, step, bytes })),
    samples: samples
      .filter(({ drawnMs }) => drawnMs >= sinceMs)
      .slice(-SAMPLES_MAX)
      .map(({ path, step, index }) => ({ name: basename(path), step, index })),
  };
}

/** A curve of a record in the shape in which a log gives it. */
export function seriesOf(curve: RunRecord["curves"][number]): Series {
  const point = ([step, value]: readonly [number, number]) => ({ step, value });
  return {
    ...curve,
    min: curve.min && point(curve.min),
    last: curve.last && point(curve.last),
    points: curve.points.map(point),
  };
}

/** Undefined for a text that no version of this program has written. */
export function parseRecord(text: string): RunRecord | undefined {
  const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), RunRecord), text);
  return parsed.success ? parsed.output : undefined;
}
