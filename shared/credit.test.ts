import { expect, test } from "vitest";
import { Allowance, frameCost, Window } from "./credit.ts";

const KIB = 1024;

test("the sender stops where the receiver would complain, and goes on with what it was given back", () => {
  const [sender, receiver] = [new Allowance(16 * KIB), new Window(16 * KIB, 4 * KIB)];
  const frames: number[] = [];
  while (sender.fits(3 * KIB)) {
    sender.spend(3 * KIB);
    receiver.received(3 * KIB);
    frames.push(3 * KIB);
  }
  expect(frames).toHaveLength(5);
  expect(() => new Window(16 * KIB, 1).received(17 * KIB)).toThrow("more bytes than credit");
  expect(() => receiver.received(3 * KIB)).toThrow("more bytes than credit");
});

test("credit comes in steps, and never more of it than was passed on", () => {
  const window = new Window(16 * KIB, 4 * KIB);
  for (let frame = 0; frame < 4; frame++) window.received(3 * KIB);
  expect([1, 2, 3, 4].map(() => window.passedOn(3 * KIB))).toEqual([0, 6 * KIB, 0, 6 * KIB]);
});

test("what was not granted yet is not there to be sent", () => {
  const window = new Window(8 * KIB, 4 * KIB);
  window.received(6 * KIB);
  window.received(2 * KIB);
  expect(window.passedOn(2 * KIB)).toBe(0);
  expect(() => window.received(2 * KIB)).toThrow("more bytes than credit");
});

test("a frame of one byte costs as much as it takes", () => {
  expect([0, 1, 1024, 1025].map(frameCost)).toEqual([1024, 1024, 1024, 1025]);
  const window = new Window(8 * KIB, KIB);
  for (let frame = 0; frame < 8; frame++) window.received(1);
  expect(() => window.received(1)).toThrow("more bytes than credit");
});

test("credit for what was never sent is refused", () => {
  const sender = new Allowance(8 * KIB);
  expect(() => sender.grant(1)).toThrow("more credit than was used");
  sender.spend(2 * KIB);
  sender.grant(2 * KIB);
  expect(() => sender.grant(1)).toThrow("more credit than was used");
});
