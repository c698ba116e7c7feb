import { expect, test } from "vitest";
import { BLOCK, blowUpOf, SUSTAINED, trendOf } from "./loss-stats.ts";

/** Noise that is the same at every run: losses of diffusion training jump by half of their size and more. */
function noisy(count: number, level: (index: number) => number, seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, (_, index) => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return level(index) * (0.5 + state / 2 ** 31);
  });
}

const blocksOf = (losses: readonly number[]) =>
  Array.from({ length: Math.floor(losses.length / BLOCK) }, (_, index) => {
    const block = losses.slice(index * BLOCK, (index + 1) * BLOCK).sort((a, b) => a - b);
    return block[BLOCK / 2] ?? 0;
  });

test.each([1, 2, 3, 4, 5, 6, 7, 8])("a level run is flat, whatever its noise (seed %i)", (seed) => {
  expect(trendOf(noisy(400, () => 0.1, seed))?.trend).toBe("flat");
});

test("a run that falls by a fifth is falling, one that rises by a fifth is rising", () => {
  expect(trendOf(noisy(400, (n) => 0.12 - 0.04 * (n / 400)))).toEqual({
    trend: "falling",
    percent: expect.toSatisfy((percent: number) => percent < -10 && percent > -30),
  });
  expect(trendOf(noisy(400, (n) => 0.1 + 0.04 * (n / 400)))?.trend).toBe("rising");
});

test("without noise a change of one percent is none", () => {
  expect(trendOf(Array.from({ length: 100 }, (_, n) => 1 - n / 5_000))?.trend).toBe("flat");
});

test("of a few losses nobody can tell", () => {
  expect(trendOf(noisy(39, () => 0.1))).toBeNull();
});

test.each([1, 2, 3, 4, 5, 6, 7, 8])("neither a level nor a falling run has blown up (seed %i)", (seed) => {
  for (const level of [() => 0.1, (n: number) => 0.3 * Math.exp(-n / 300)]) {
    const losses = noisy(1_000, level, seed);
    for (let end = SUSTAINED; end <= losses.length; end += BLOCK) {
      const blocks = blocksOf(losses.slice(0, end - SUSTAINED));
      expect(blowUpOf(blocks, losses.slice(end - SUSTAINED, end))).toBeNull();
    }
  }
});

test("one high loss is no blow-up, nor are twenty of the last forty", () => {
  const losses = noisy(600, () => 0.1);
  const blocks = blocksOf(losses.slice(0, -SUSTAINED));
  const newest = losses.slice(-SUSTAINED);
  expect(blowUpOf(blocks, [...newest.slice(0, -1), 50])).toBeNull();
  expect(blowUpOf(blocks, [...newest.slice(0, -BLOCK), ...Array(BLOCK).fill(50)])).toBeNull();
});

test("a loss that stays at ten times its level has blown up, also when it has for a third of the run", () => {
  const losses = noisy(900, (n) => (n < 600 ? 0.1 : 1));
  const atOnce = losses.slice(600, 600 + SUSTAINED);
  expect(blowUpOf(blocksOf(losses.slice(0, 600)), atOnce)).toEqual({
    now: expect.closeTo(1, 0),
    usual: expect.closeTo(0.1, 1),
  });
  expect(blowUpOf(blocksOf(losses.slice(0, -SUSTAINED)), losses.slice(-SUSTAINED))).not.toBeNull();
});

test("a young run has no band yet", () => {
  expect(blowUpOf(Array(9).fill(0.1), Array(SUSTAINED).fill(1))).toBeNull();
  expect(blowUpOf(Array(20).fill(0.1), Array(BLOCK).fill(1))).toBeNull();
});
