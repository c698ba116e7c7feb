import { expect, test } from "vitest";
import { median } from "./median.ts";

test.each([
  [[], null],
  [[3], 3],
  [[1, 9, 2], 2],
  [[1, 2, 3, 10], 2.5],
])("the median of %j is %s", (values, expected) => {
  expect(median(values)).toBe(expected);
});
