import { expect, test } from "vitest";
import { FailureLimit } from "./failures.ts";

test("the twenty-first failure within a minute has to wait for the minute's end", () => {
  let nowMs = 0;
  const limit = new FailureLimit(() => nowMs);
  for (let i = 0; i < 20; i++) expect(limit.failed("a")).toBeUndefined();
  nowMs = 20_000;
  expect(limit.failed("a")).toBe(40);
  expect(limit.failed("b")).toBeUndefined();
  nowMs = 60_000;
  expect(limit.failed("a")).toBeUndefined();
});

test("very many addresses are not all remembered", () => {
  const limit = new FailureLimit(() => 0);
  for (let i = 0; i < 20; i++) limit.failed("first");
  for (let i = 0; i < 10_000; i++) limit.failed(`address ${i}`);
  expect(limit.failed("first")).toBeUndefined();
});
