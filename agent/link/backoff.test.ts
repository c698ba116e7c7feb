import { expect, test } from "vitest";
import { backoffMs, wasGoodLink } from "./backoff.ts";

test.each([
  [0, 0.5, 1_000],
  [0, 0, 800],
  [0, 1, 1_200],
  [1, 0.5, 2_000],
  [5, 0.5, 32_000],
  [6, 0.5, 60_000],
  [6, 0, 48_000],
  [6, 1, 72_000],
  [5_000, 0.5, 60_000],
])("after %i tries and with chance %d it waits %i ms", (tries, random, ms) => {
  expect(backoffMs(tries, random)).toBe(ms);
});

test.each([
  [0, false],
  [29_999, false],
  [30_000, true],
])("a link that held %i ms was a good one: %s", (heldMs, good) => {
  expect(wasGoodLink(heldMs)).toBe(good);
});
