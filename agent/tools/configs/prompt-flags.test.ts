import { expect, test } from "vitest";
import { promptFlags } from "./prompt-flags.ts";

test("flags that the trainer knows, with values it can read, are fine", () => {
  const prompt =
    "a dog --n blurry, ugly --w 128 --h 64 --seed -7 --cfg 3.5 --m 1e-1 --ev 0.5, .25 --ctrl_img /data/a b.png";
  expect(promptFlags(prompt)).toEqual({ errors: [], warnings: [], controlImages: ["/data/a b.png"] });
});

test("text without -- has no flags, a single dash is none", () => {
  expect(promptFlags("a well-lit t-shirt - at the beach")).toEqual({
    errors: [],
    warnings: [],
    controlImages: [],
  });
});

test.each([
  ["a dog -- at night", '"-- at night"'.replace("-- ", "--")],
  ["a dog --width 512", '"--width 512"'],
  ["a cat---sleeping", '"---sleeping"'],
])("what is cut off is told: %s", (prompt, cut) => {
  expect(promptFlags(prompt).warnings).toEqual([expect.stringContaining(cut)]);
});

test.each([
  ["x --w wide", '--w needs a whole number, not "wide"'],
  ["x --seed 1.5", '--seed needs a whole number, not "1.5"'],
  ["x --cfg high", '--cfg needs a number, not "high"'],
  ["x --ev 1,two", '--ev needs numbers with commas between them, not "1,two"'],
  ["x --steps", '--steps needs a whole number, not ""'],
])("a value that would end the job is an error: %s", (prompt, text) => {
  expect(promptFlags(prompt).errors).toEqual([text]);
});
