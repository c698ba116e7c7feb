import { expect, test } from "vitest";
import { newNameProblem, trainingNameProblem } from "./config-name.ts";

test.each(["my_lora", "my-lora v1.2", "Größe (neu)+", "日本語", "नमस्ते"])("%s is a good name", (name) => {
  expect(newNameProblem(name)).toBeUndefined();
  expect(trainingNameProblem(name)).toBeUndefined();
});

test.each([
  "a[1]",
  "a*",
  "a?",
  "{a}",
  'a"b',
  "it's",
  "<a>",
  "a|b",
  "a:b",
  "a/b",
  "a\\b",
  "a\nb",
  "a\u0000",
  "😀",
  "",
  "a,b",
])("%j cannot be the name of a new config", (name) => {
  expect(newNameProblem(name)).toContain("letters, digits, spaces");
});

test("a new name neither begins with a dash nor has spaces at its ends, and leaves room for what is appended", () => {
  expect(newNameProblem("-rf")).toContain("begin with -");
  expect(newNameProblem(" a")).toContain("space");
  expect(newNameProblem("a ")).toContain("space");
  expect(newNameProblem("ä".repeat(101))).toContain("200 bytes");
  expect(newNameProblem("ä".repeat(100))).toBeUndefined();
});

test.each(["a[b", "a]", "*", "a?", 'a"', "a\\b", "a/b", "a\tb"])("%j breaks a training", (name) => {
  expect(trainingNameProblem(name)).toContain("cannot live with");
});

test("names of other authors are judged by what breaks, not by taste", () => {
  expect(trainingNameProblem("me@home:v1,final")).toBeUndefined();
  expect(trainingNameProblem(" ")).toContain("empty");
  expect(trainingNameProblem(".hidden")).toContain("dot");
});
