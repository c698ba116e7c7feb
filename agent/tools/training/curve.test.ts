import { expect, test } from "vitest";
import { downsample, smooth } from "./curve.ts";

const line = (values: readonly number[]) => values.map((value, step) => ({ step, value }));

test("a single peak among ten thousand points survives the thinning, and the ends stay", () => {
  const values = Array.from({ length: 10_000 }, () => 1);
  values[7_321] = 99;
  const thinned = downsample(line(values), 50);
  expect(thinned.length).toBeLessThanOrEqual(50);
  expect(thinned).toContainEqual({ step: 7_321, value: 99 });
  expect([thinned[0]?.step, thinned.at(-1)?.step]).toEqual([0, 9_999]);
  expect(thinned.map(({ step }) => step)).toEqual([...thinned.map(({ step }) => step)].sort((a, b) => a - b));
});

test("fewer points than asked for are all there", () => {
  expect(downsample(line([1, 2, 3]), 50)).toEqual(line([1, 2, 3]));
});

test("smoothing starts at the first value, not at zero", () => {
  expect(smooth(line([4, 4, 4]), 0.9).map(({ value }) => Math.round(value * 1e9) / 1e9)).toEqual([4, 4, 4]);
  expect(smooth(line([0, 10]), 0.5).at(-1)?.value).toBeCloseTo(20 / 3, 9);
  expect(smooth(line([1, 5]), 0)).toEqual(line([1, 5]));
});
