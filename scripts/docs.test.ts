import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { README, withClientTable, withOptionTable, withToolTable } from "./docs.ts";

const readme = readFileSync(README, "utf8");

test("the README's tool table is the one the contracts make (npm run docs)", () => {
  expect(withToolTable(readme)).toBe(readme);
});

test("the README's table of options is the one the command line makes (npm run docs)", () => {
  expect(withOptionTable(readme)).toBe(readme);
});

test("the README's table of clients is the one that is tried (npm run docs)", () => {
  expect(withClientTable(readme)).toBe(readme);
});

test("the README's first two commands are the demo and the tests", () => {
  const commands = [...readme.matchAll(/```sh\n([\s\S]*?)```/g)].flatMap((block) =>
    (block[1] ?? "").trim().split("\n"),
  );
  expect(commands[0]).toMatch(/^npm ci && npm run demo/);
  expect(commands[1]).toMatch(/^npm ci && npm test/);
});
