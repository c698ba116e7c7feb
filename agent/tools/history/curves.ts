// A run's curves: from its own log of figures as long as that is its own, afterwards from its record.
import { downsample } from "../training/curve.ts";
import { countSteps, type MetricsRange, readMetrics, type Series } from "../training/metrics.ts";
import { endMs, type RunPlace, type RunRecord, seriesOf } from "./run-record.ts";

export interface Curves {
  readonly series: readonly Series[];
  /** The run's log is gone or was continued by a later run; these are the points that were kept of it. */
  readonly fromRecord: boolean;
}

/** Undefined when nothing was logged (yet). `record`: of a run that has ended. */
export function readCurves(
  run: RunPlace,
  record: RunRecord | undefined,
  keys: readonly string[] | undefined,
  range: Omit<MetricsRange, "until">,
): Curves | undefined {
  const until = endMs(run) / 1000;
  const isWhole = () => record === undefined || countSteps(run.output_folder, until) >= record.logged_steps;
  try {
    const series = isWhole() ? readMetrics(run.output_folder, keys, { ...range, until }) : undefined;
    if (series) return { series, fromRecord: false };
  } catch (error) {
    if (!record) throw error; // a damaged log
  }
  if (!record || record.curves.length === 0) return undefined;
  const series = record.curves
    .filter(({ key }) => keys === undefined || keys.includes(key))
    .map(seriesOf)
    .map((kept) => {
      const points = kept.points.filter(({ step }) => step >= range.sinceStep);
      return { ...kept, points: downsample(points, range.points) };
    });
  return { series, fromRecord: true };
}
