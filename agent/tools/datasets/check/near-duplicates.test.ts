import { expect, test } from "vitest";
import { alike } from "./near-duplicates.ts";

const never = new AbortController().signal;
const look = (hash: bigint, mean = "808080") => `${hash.toString(16).padStart(16, "0")}${mean}`;

test.each([
  [0n, true],
  [0b1n, true],
  [0b111111n, true],
  [0x8000000080000000n, true],
  [0x0101010101010000n, true],
  [0x01010101010101n, false],
  [0b1111111n, false],
])("a hash that differs in the bits %d is near: %s", async (bits, isNear) => {
  const hash = 0x0123456789abcdefn;
  const pictures = [
    { path: "b", look: look(hash ^ bits) },
    { path: "a", look: look(hash) },
  ];
  expect(await alike(pictures, never)).toEqual(isNear ? [["a", "b"]] : []);
});

test("plain surfaces are told apart by their colour", async () => {
  const pictures = Object.entries({ red: "c80000", "red too": "c40410", blue: "0000c8" });
  expect(
    await alike(
      pictures.map(([path, mean]) => ({ path, look: look(0n, mean) })),
      never,
    ),
  ).toEqual([["red", "red too"]]);
});

test("groups grow along their members", async () => {
  const paths = ["a", "b", "c", "d"];
  const pictures = paths.map((path, index) => ({ path, look: look((1n << BigInt(index * 6)) - 1n) }));
  expect(await alike([...pictures, { path: "e", look: look(-1n & 0xffffffffffffffffn) }], never)).toEqual([
    paths,
  ]);
});

test("comparing very many stops when the call is cancelled", async () => {
  const pictures = Array.from({ length: 3_000 }, (_, index) => ({
    path: String(index),
    look: look(BigInt(index) << 40n),
  }));
  await expect(alike(pictures, AbortSignal.abort())).rejects.toMatchObject({ name: "AbortError" });
});
