import { expect, test } from "vitest";
import { parseArguments } from "./arguments.ts";
import { createTrainingConfig } from "./tools/configs.ts";
import { uploadDataset } from "./tools/datasets.ts";
import { getTrainingLogs } from "./tools/training.ts";

const parse = (raw: unknown) => parseArguments(createTrainingConfig, raw);
const required = { name: "a", dataset_path: "cats" };

test("defaults are filled in", () => {
  expect(parse(required).input).toMatchObject({ steps: 2000, batch_size: 1, overwrite: false });
});

test.each([undefined, null, 3, "x", [], {}])(
  "arguments that are no object (%j) miss the first parameter",
  (raw) => {
    expect(() => parse(raw)).toThrow("Missing 'name' parameter");
  },
);

test("a required argument of the wrong type counts as missing, as in the old server", () => {
  expect(() => parse({ ...required, dataset_path: 3 })).toThrow("Missing 'dataset_path' parameter");
});

test.each([
  ["steps", "2000"],
  ["steps", -5],
  ["steps", 1.5],
  ["lr", "1e-4"],
  ["is_flux", "true"],
  ["prompts", "a cat"],
  ["prompts", [1]],
  ["resolution", "512"],
])(
  "an old optional argument of the wrong type (%s = %j) is ignored and named in a warning",
  (name, value) => {
    const { input, warnings } = parse({ ...required, [name]: value });
    expect(input[name as keyof typeof input]).toEqual(parse(required).input[name as keyof typeof input]);
    expect(warnings).toEqual([expect.stringContaining(`'${name}'`)]);
  },
);

test("of an old list only the elements of the wrong type are ignored", () => {
  const { input, warnings } = parse({ ...required, prompts: ["a cat", 5, "a dog", null] });
  expect(input.prompts).toEqual(["a cat", "a dog"]);
  expect(warnings).toEqual([expect.stringContaining("2 of 4 elements of 'prompts'")]);
});

test.each([
  ["steps", 0],
  ["caption_dropout_rate", 1.5],
  ["resolution", 7],
])("a value out of range (%s = %j) is an error that names it", (name, value) => {
  expect(() => parse({ ...required, [name]: value })).toThrow(`'${name}'`);
});

test("D21: an optimizer that is none of the list is an error with the list", () => {
  expect(() => parse({ ...required, optimizer: "adamw9" })).toThrow(
    /'optimizer' must be one of .*adamw8bit.*"adamw9"/,
  );
});

test("a new argument of the wrong type is an error, not ignored", () => {
  expect(() => parse({ ...required, overwrite: "yes" })).toThrow("Missing 'overwrite' parameter");
});

test("an unknown argument is accepted with a warning", () => {
  expect(parse({ ...required, leraning_rate: 1 }).warnings).toEqual([
    expect.stringContaining("leraning_rate"),
  ]);
});

test("null counts as left out", () => {
  expect(parse({ ...required, steps: null })).toEqual(parse(required));
});

test("__proto__ is refused", () => {
  expect(() => parse(JSON.parse('{"name":"a","dataset_path":"b","__proto__":{"x":1}}'))).toThrow("__proto__");
});

test("constructor and toString are unknown arguments like any other", () => {
  expect(parse({ ...required, constructor: 1, toString: 2 }).warnings).toHaveLength(2);
});

test("an element of images that is no object survives, to be reported as a failed file", () => {
  const { input } = parseArguments(uploadDataset, {
    dataset_name: "x",
    images: [3, { filename: "a.png", data: "" }],
  });
  expect(input.images).toEqual([
    { filename: "", data: "" },
    { filename: "a.png", data: "" },
  ]);
});

test("a long value is not echoed whole", () => {
  const message = (() => {
    try {
      parse({ ...required, overwrite: "x".repeat(10_000) });
    } catch (error) {
      return JSON.stringify(error) + String(error);
    }
    return "";
  })();
  expect(message.length).toBeLessThan(500);
});

test("lines of a log may be zero", () => {
  expect(parseArguments(getTrainingLogs, { job_id: "x", lines: 0 }).input.lines).toBe(0);
});
