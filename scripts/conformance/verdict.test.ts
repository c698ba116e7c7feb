import { expect, test } from "vitest";
import type { Scenario } from "./suite.ts";
import { verdict } from "./verdict.ts";

const scenario = (name: string, status: string, errorMessage?: string): Scenario => ({
  name,
  checks: [
    { id: "well-formed", status: "SUCCESS" },
    { id: "the-point", status, ...(errorMessage !== undefined && { errorMessage }) },
  ],
});

test("a failure that was not expected is a problem, one that was is not", () => {
  const scenarios = [
    scenario("ping", "FAILURE", "no answer"),
    scenario("tasks", "FAILURE"),
    scenario("list", "SUCCESS"),
  ];
  expect(verdict(scenarios, { fails: { tasks: "not there yet" } })).toEqual({
    summary: "1 of 3 scenarios pass (4 checks), 1 fail as expected",
    problems: ["ping fails: the-point no answer"],
  });
});

test("so is a warning, what passes though it should not, and what was not run", () => {
  const scenarios = [scenario("ping", "WARNING", "late"), scenario("tasks", "SUCCESS")];
  expect(verdict(scenarios, { fails: { tasks: "not there yet", gone: "forgotten" } }).problems).toEqual([
    "ping fails: the-point late",
    "gone was not run",
    "tasks passes now: take it from the list of those that fail",
  ]);
});

test("where only some scenarios count, nothing else does, and what cannot be tried is no failure", () => {
  const scenarios = [scenario("ping", "FAILURE", "Not testable: no such tool"), scenario("other", "FAILURE")];
  expect(verdict(scenarios, { fails: {}, only: new Set(["ping", "list"]) })).toEqual({
    summary: "1 of 1 scenarios pass (1 checks)",
    problems: ["list was not run"],
  });
});
