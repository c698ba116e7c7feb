import { expect, test } from "vitest";
import { CLOSE, commonVersion, decode, encode, isPermanent } from "./protocol.ts";

test.each([
  [{ min: 1, max: 1 }, { min: 1, max: 1 }, 1],
  [{ min: 1, max: 3 }, { min: 2, max: 5 }, 3],
  [{ min: 2, max: 5 }, { min: 1, max: 3 }, 3],
  [{ min: 0, max: 99 }, { min: 4, max: 4 }, 4],
  [{ min: 1, max: 1 }, { min: 2, max: 2 }, undefined],
  [{ min: 3, max: 4 }, { min: 1, max: 2 }, undefined],
  [{ min: 9, max: 0 }, { min: 1, max: 2 }, undefined],
])("%j and %j have %s in common", (theirs, ours, version) => {
  expect(commonVersion(theirs, ours)).toBe(version);
});

const frameOf = (output: string) => ({ t: "result", id: 1, output }) as const;
const bare = JSON.stringify(frameOf("")).length;

test.each([
  ["ASCII", "x", 1],
  ["two bytes", "ä", 2],
  ["three bytes", "€", 3],
  ["a pair of units, four bytes", "😀", 4],
])("the limit counts bytes: %s", (_what, character, bytes) => {
  const fits = character.repeat(300);
  const limit = bare + 300 * bytes;
  expect(Buffer.byteLength(encode(frameOf(fits), limit))).toBe(limit);
  expect(() => encode(frameOf(fits), limit - 1)).toThrow("do not fit");
});

test("a frame beyond the limit is not even parsed", () => {
  expect(() => decode(" ".repeat(101), 100)).toThrow("frame of 101 characters");
});

test("only what a person has to mend is permanent", () => {
  const permanent = Object.entries(CLOSE).flatMap(([name, code]) => (isPermanent(code) ? [name] : []));
  expect(permanent).toEqual(["unauthorized", "version"]);
});
