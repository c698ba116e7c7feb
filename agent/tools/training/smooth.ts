import type { Point } from "./metrics.ts";

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
