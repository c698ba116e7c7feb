import { expect, test } from "vitest";
import { LOOK_HEIGHT, LOOK_WIDTH, lookOf } from "./picture-look.ts";

const picture = (pixel: (column: number, row: number) => readonly [number, number, number]) =>
  Uint8Array.from(
    Array.from({ length: LOOK_WIDTH * LOOK_HEIGHT }, (_, index) =>
      pixel(index % LOOK_WIDTH, Math.floor(index / LOOK_WIDTH)),
    ).flat(),
  );

test("a plain surface hashes to zeros, noise or not, followed by its colour", () => {
  const red = lookOf(picture(() => [200, 0, 0]));
  expect(red).toBe(`${"0".repeat(16)}c80000`);
  expect(lookOf(picture((column) => [200 + (column % 2), 0, 0])).slice(0, 16)).toBe("0".repeat(16));
  expect(lookOf(picture(() => [0, 0, 200]))).toBe(`${"0".repeat(16)}0000c8`);
});

test("brightness that falls to the right sets all bits", () => {
  expect(lookOf(picture((column) => [250 - column * 20, 250 - column * 20, 250 - column * 20]))).toMatch(
    /^f{16}/,
  );
});
