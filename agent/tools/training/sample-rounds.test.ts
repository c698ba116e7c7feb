import { expect, test } from "vitest";
import { roundSeconds, roundsOf } from "./sample-rounds.ts";

/** Of the recorded run: two prompts, drawn at steps 0, 5, 10 and after the last. */
const samples = [
  [1795363910925, 0, 0],
  [1795363918156, 0, 1],
  [1795363939300, 5, 0],
  [1795363947313, 5, 1],
  [1795363961373, 10, 0],
  [1795363966290, 10, 1],
  [1795363979353, 12, 0],
].map(([drawnMs = 0, step = 0, index = 0]) => ({
  path: `/out/samples/${drawnMs}__${String(step).padStart(9, "0")}_${index}.jpg`,
  step,
  index,
  drawnMs,
}));

test("samples are rounds, the newest last, one that is being drawn included", () => {
  const rounds = roundsOf(samples, 0, Number.POSITIVE_INFINITY);
  expect(rounds.map(({ step, names }) => [step, names.length])).toEqual([
    [0, 2],
    [5, 2],
    [10, 2],
    [12, 1],
  ]);
  expect(rounds[0]?.names[1]).toBe("1795363918156__000000000_1.jpg");
});

test("those of an earlier and of a later run do not belong to this one", () => {
  expect(roundsOf(samples, 1795363930000, 1795363950000).map(({ step }) => step)).toEqual([5]);
});

test("a round takes as long as its images' distance says", () => {
  expect(roundSeconds(roundsOf(samples, 0, Number.POSITIVE_INFINITY))).toBeCloseTo(14.5, 1);
  expect(roundSeconds(roundsOf(samples.slice(0, 1), 0, Number.POSITIVE_INFINITY))).toBeNull();
});
