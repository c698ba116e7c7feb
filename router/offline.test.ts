import { expect, test } from "vitest";
import { inWords } from "./offline.ts";

test.each([
  [-3, "0 seconds"],
  [0.4, "0 seconds"],
  [1, "1 second"],
  [59, "59 seconds"],
  [90, "1 minute"],
  [7_200, "2 hours"],
  [200_000, "2 days"],
])("%d seconds are %s", (seconds, words) => {
  expect(inWords(seconds)).toBe(words);
});
