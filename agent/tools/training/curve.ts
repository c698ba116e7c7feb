// A curve and what is made of it to be seen: smoothed, or as few points as a reader can use.

export interface Point {
  readonly step: number;
  readonly value: number;
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
