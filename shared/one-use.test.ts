import { expect, test } from "vitest";
import { free, isOneUse, oneUse } from "./one-use.ts";

test("memory is given back only of whole buffers that were said to be of one use", () => {
  const [given, kept, part] = [new Uint8Array(8), new Uint8Array(8), new Uint8Array(8).subarray(4)];
  expect([given, part].map((bytes) => isOneUse(oneUse(bytes)))).toEqual([true, false]);
  for (const bytes of [given, kept, part, given.subarray(0, 4)]) free(bytes);
  expect([given, kept, part].map(({ byteLength }) => byteLength)).toEqual([0, 8, 4]);
});

test("a part of one-use bytes is not one-use, and what is given back twice is gone once", () => {
  const bytes = oneUse(new Uint8Array(8));
  free(bytes.subarray(0, 4));
  expect([isOneUse(bytes.subarray(0, 4)), bytes.byteLength]).toEqual([false, 8]);
  free(bytes);
  free(bytes);
  expect(bytes.byteLength).toBe(0);
});
