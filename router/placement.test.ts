import { expect, test } from "vitest";
import { type Candidate, freest } from "./placement.ts";

const of = (name: string, jobs: number, freeVramMib: number | null): Candidate => ({
  name,
  jobs,
  freeVramMib,
});

test.each([
  ["nobody", [], undefined],
  ["the shorter queue", [of("a", 1, 90_000), of("b", 0, 8_000)], "b"],
  ["more free memory, at the same queue", [of("a", 0, 8_000), of("b", 0, 24_000)], "b"],
  ["a known memory before an unknown one", [of("a", 0, null), of("b", 0, 1)], "b"],
  ["the first by name, if all is equal", [of("b", 0, null), of("a", 0, null)], "a"],
] as const)("%s", (_what, candidates, name) => {
  expect(freest(candidates)?.name).toBe(name);
});
