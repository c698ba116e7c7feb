import { expect, test } from "vitest";
import { Rounds } from "./rounds.ts";

/** Rounds that each end when they are told to. */
function slowRounds() {
  const running: (() => void)[] = [];
  const rounds = new Rounds(() => new Promise((resolve) => running.push(resolve)));
  return { rounds, running };
}

const turn = () => new Promise(setImmediate);

test("while a round is under way all who ask share the next one", async () => {
  const { rounds, running } = slowRounds();
  const first = rounds.ask();
  await turn();
  expect(running).toHaveLength(1);
  const waiting = Array.from({ length: 100 }, () => rounds.ask());
  await turn();
  expect(running).toHaveLength(1);

  running[0]?.();
  await first;
  await turn();
  expect(running).toHaveLength(2);
  running[1]?.();
  await Promise.all(waiting);
  await turn();
  expect(running).toHaveLength(2);
});

test("who asks in a round is answered by one that begins after the question", async () => {
  const seen: number[] = [];
  let value = 0;
  const rounds = new Rounds(async () => {
    seen.push(value);
  });
  await rounds.ask();
  value = 1;
  await rounds.ask();
  expect(seen).toEqual([0, 1]);
});

test("settled means that nothing is under way or asked for", async () => {
  const { rounds, running } = slowRounds();
  void rounds.ask();
  await turn();
  void rounds.ask();
  let isSettled = false;
  const settled = rounds.settled().then(() => {
    isSettled = true;
  });
  running[0]?.();
  await turn();
  expect([running.length, isSettled]).toEqual([2, false]);
  running[1]?.();
  await settled;
  await rounds.settled(); // at once
});
