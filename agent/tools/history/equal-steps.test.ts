import { expect, test } from "vitest";
import { commonSteps, valueAt } from "./equal-steps.ts";

const CURVE = [
  [10, 1],
  [20, 3],
  [40, 1],
] as const;

test.each([
  [10, 1],
  [15, 2],
  [20, 3],
  [35, 1.5],
  [40, 1],
  [9, undefined],
  [41, undefined],
])("at step %i the curve has %s", (step, value) => {
  expect(valueAt(CURVE, step)).toBe(value);
});

test.each([
  [
    [
      [
        [0, 1],
        [100, 1],
      ],
      [
        [50, 1],
        [250, 1],
      ],
    ],
    3,
    [50, 75, 100],
  ],
  [
    [
      [
        [0, 1],
        [3, 1],
      ],
    ],
    10,
    [0, 1, 2, 3],
  ],
  [
    [
      [
        [0, 1],
        [10, 1],
      ],
      [
        [20, 1],
        [30, 1],
      ],
    ],
    3,
    [],
  ],
  [
    [
      [
        [0, 1],
        [10, 1],
      ],
      [],
    ],
    3,
    [],
  ],
] as const)("curves over %j have %i steps in common: %j", (curves, count, steps) => {
  expect(commonSteps(curves, count)).toEqual(steps);
});
