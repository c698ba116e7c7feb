// Curves side by side: their values at steps that all of them have.
type Pair = readonly [step: number, value: number];

/** Between two points a straight line; undefined outside the curve. */
export function valueAt(curve: readonly Pair[], step: number): number | undefined {
  const after = curve.findIndex(([at]) => at >= step);
  const next = curve[after];
  if (!next) return undefined;
  if (next[0] === step) return next[1];
  const before = curve[after - 1];
  if (!before) return undefined;
  return before[1] + ((next[1] - before[1]) * (step - before[0])) / (next[0] - before[0]);
}

/** At most `count` whole steps, evenly spread over what the curves have in common; empty when that is nothing. */
export function commonSteps(curves: readonly (readonly Pair[])[], count: number): number[] {
  const first = Math.max(...curves.map(([start]) => start?.[0] ?? Number.POSITIVE_INFINITY));
  const last = Math.min(...curves.map((curve) => curve.at(-1)?.[0] ?? Number.NEGATIVE_INFINITY));
  if (!(first <= last)) return [];
  const steps = Array.from({ length: count }, (_, n) =>
    Math.round(first + (n * (last - first)) / (count - 1)),
  );
  return [...new Set(steps)];
}
