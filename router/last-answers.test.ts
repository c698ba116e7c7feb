import { expect, test } from "vitest";
import { LastAnswers } from "./last-answers.ts";
import { IN_MEMORY, openSql } from "./node-sql.ts";

const answer = (value: unknown) => ({ kind: "json", output: { value } }) as const;

function open(now = () => new Date(0)) {
  const sql = openSql(IN_MEMORY);
  const flushes: (() => void)[] = [];
  return { sql, flushes, answers: new LastAnswers(sql, (flush) => flushes.push(flush), now) };
}

test("polls of one thing are written once, with the last answer", () => {
  let ms = 0;
  const { sql, flushes, answers } = open(() => new Date(ms));
  for (ms = 1; ms <= 50; ms++) answers.put("box", "get_training_status", { job_id: "a" }, answer(ms));
  expect(flushes).toHaveLength(1);
  expect(sql.all("SELECT * FROM asked_answers")).toEqual([]);
  flushes[0]?.();
  expect(sql.all("SELECT * FROM asked_answers")).toHaveLength(1);
  expect(answers.get("box", "get_training_status", { job_id: "a" })).toEqual({
    answer: answer(50),
    asOf: "1970-01-01T00:00:00.050Z",
  });
});

test("machines, tools and arguments are kept apart", () => {
  const { answers } = open();
  answers.put("a", "t", { x: 1 }, answer("a"));
  answers.put("b", "t", { x: 1 }, answer("b"));
  expect(answers.get("a", "t", { x: 1 })?.answer).toEqual(answer("a"));
  for (const [machine, tool, input] of [
    ["c", "t", { x: 1 }],
    ["a", "u", { x: 1 }],
    ["a", "t", { x: 2 }],
  ] as const) {
    expect(answers.get(machine, tool, input)).toBeUndefined();
  }
});

test("very many different answers are bounded in memory and on disk, the newest stay, a busy poll pushes out nothing", () => {
  const { sql, flushes, answers } = open();
  answers.put("box", "first", {}, answer("old"));
  for (let n = 0; n < 3_000; n++) answers.put("box", "poll", {}, answer(n));
  expect(answers.get("box", "first", {})).toBeDefined();
  for (let n = 0; n < 2_500; n++) answers.put("box", "t", { n }, answer(n));
  for (const flush of flushes) flush();
  const [{ count } = {}] = sql.all("SELECT count(*) AS count FROM asked_answers");
  expect(count).toBe(2_000);
  expect(answers.get("box", "first", {})).toBeUndefined();
  expect(answers.get("box", "t", { n: 2_499 })).toBeDefined();
});

test("large answers push out older ones before they fill the disk", () => {
  const { sql, answers } = open();
  const large = "x".repeat(500_000);
  for (let n = 0; n < 200; n++) answers.put("box", "t", { n }, answer(large));
  answers.flush();
  const [{ chars } = {}] = sql.all("SELECT sum(chars) AS chars FROM asked_answers");
  expect(chars).toBeLessThanOrEqual(64 * 1024 * 1024);
  expect(answers.get("box", "t", { n: 199 })).toBeDefined();
});

test("one caller's questions push out its own answers, not those of others, however many or large they are", () => {
  const { sql, answers } = open();
  for (let n = 0; n < 20; n++) answers.put("box", "get_training_status", { n }, answer("theirs"), "phone");
  for (let n = 0; n < 2_500; n++) answers.put("box", "t", { n }, answer(n), "flood");
  const large = answer("x".repeat(500_000));
  for (let n = 0; n < 200; n++) answers.put("box", "large", { n }, large, "flood");
  for (let n = 0; n < 20; n++)
    expect(answers.get("box", "get_training_status", { n })?.answer).toEqual(answer("theirs"));
  expect(answers.get("box", "large", { n: 199 })).toBeDefined();
  expect(answers.get("box", "t", { n: 0 })).toBeUndefined();
  const [{ count, chars } = {}] = sql.all("SELECT count(*) AS count, sum(chars) AS chars FROM asked_answers");
  expect(count).toBeLessThanOrEqual(2_000);
  expect(chars).toBeLessThanOrEqual(64 * 1024 * 1024);
});

test("asking what another has asked takes nothing from it, and the newest answer is everybody's", () => {
  const { answers } = open();
  answers.put("box", "t", {}, answer("old"), "phone");
  answers.put("box", "t", {}, answer("new"), "flood");
  expect(answers.get("box", "t", {})?.answer).toEqual(answer("new"));
  for (let n = 0; n < 2_500; n++) answers.put("box", "t", { n }, answer(n), "flood");
  expect(answers.get("box", "t", {})?.answer).toEqual(answer("old"));
});

test("an absurdly long question is not kept", () => {
  const { answers } = open();
  const input = { name: "x".repeat(5_000) };
  answers.put("box", "t", input, answer(1));
  expect(answers.get("box", "t", input)).toBeUndefined();
});
