import { expect, test } from "vitest";
import { atOnce } from "./at-once.ts";

test("everything is worked on, no more than the limit at a time", async () => {
  let [now, most] = [0, 0];
  const seen: number[] = [];
  await atOnce(
    Array.from({ length: 20 }, (_, index) => index),
    3,
    async (item) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(item);
      now--;
    },
  );
  expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, index) => index));
  expect(most).toBe(3);
});

test("after an error nothing new is begun, and what was begun has ended", async () => {
  const [begun, ended]: number[][] = [[], []];
  const work = async (item: number) => {
    begun?.push(item);
    await new Promise((resolve) => setImmediate(resolve));
    if (item === 1) throw new Error("bad item");
    await new Promise((resolve) => setImmediate(resolve));
    ended?.push(item);
  };
  await expect(atOnce([0, 1, 2, 3, 4, 5, 6], 2, work)).rejects.toThrow("bad item");
  expect(begun).toEqual([0, 1]);
  expect(ended).toEqual([0]);
});
