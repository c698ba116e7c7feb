import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { niceCommand, ownPriority, trainerPriority } from "./priority.ts";

test.each([
  [{ nice: -5, oomScoreAdjust: -500 }, { nice: 5, oomScoreAdjust: 500 }, ["nice", "-n", "10"]],
  [{ nice: -20, oomScoreAdjust: 0 }, { nice: 19, oomScoreAdjust: 0 }, ["nice", "-n", "39"]],
  [{ nice: 0, oomScoreAdjust: 0 }, { nice: 0, oomScoreAdjust: 0 }, []],
  [{ nice: 10, oomScoreAdjust: 200 }, { nice: 10, oomScoreAdjust: 200 }, []],
])("of an agent with %j the trainer has %j", (own, expected, command) => {
  expect(trainerPriority(own)).toEqual(expected);
  expect(niceCommand(own, trainerPriority(own))).toEqual(command);
});

test("our own is what the kernel says", async () => {
  const adjust = Number(await readFile("/proc/self/oom_score_adj", "utf8"));
  expect((await ownPriority()).oomScoreAdjust).toBe(adjust);
});
