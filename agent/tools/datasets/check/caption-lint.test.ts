import { expect, test } from "vitest";
import type { Caption } from "../captions/caption-file.ts";
import { CaptionLint, type LintOptions, tokensOf } from "./caption-lint.ts";
import { Findings } from "./findings.ts";

const text = (content: string): Caption => ({ state: "text", text: content, bom: false, linked: false });

function lint(captions: Readonly<Record<string, string | Caption>>, options: LintOptions = {}) {
  const findings = new Findings();
  const linter = new CaptionLint(findings, options);
  for (const [paths, caption] of Object.entries(captions)) {
    linter.add(paths.split("+"), typeof caption === "string" ? text(caption) : caption);
  }
  linter.end();
  return Object.fromEntries(findings.list(10).map(({ finding, examples }) => [finding, examples]));
}

test("a good caption has nothing to find", () => {
  expect(lint({ "a.png": "a red cat on a sofa, film grain" }, { trigger: "cat" })).toEqual({});
});

test("missing, empty and unreadable ones are named", () => {
  expect(
    lint({
      "a.png": { state: "missing" },
      "b.png": " \n",
      "c.png": { state: "unreadable", why: "not UTF-8", linked: false },
      "d.png": { state: "text", text: "a dog", bom: true, linked: false },
      "e.jpg+e.png": "a cow",
      "f.jpg+f.png": { state: "missing" },
    }),
  ).toEqual({
    missing_caption: ["a.png", "f.jpg", "f.png"],
    empty_caption: ["b.png"],
    unreadable_caption: ["c.png: not UTF-8"],
    caption_bom: ["d.png"],
    shared_caption: ["e.jpg and e.png"],
  });
});

test("the trigger word counts as the trainer counts it: anywhere, in its own case, or by a tag", () => {
  const captions = {
    "a.png": "a cat, ohwx",
    "b.png": "an OHWX cat",
    "c.png": "[trigger], a cat that sleeps",
    "d.png": "photo of [name]",
    "e.png": "ohwxy is enough",
  };
  expect(lint(captions, { trigger: " ohwx " })).toEqual({ trigger_absent: ["b.png"] });
  expect(lint(captions)).toEqual({ trigger_tag: ["c.png", "d.png"] });
  expect(lint(captions, { trigger: " " })).toEqual({ trigger_tag: ["c.png", "d.png"] });
});

test("what a prompt would choke on is named", () => {
  expect(lint({ "a.png": "a cat --w 512", "b.png": "costs $" + "{PRICE}", "c.png": "film-grain" })).toEqual({
    prompt_syntax: ["a.png", "b.png"],
  });
});

test("the same caption for several files is told once, with how many", () => {
  const long = "x".repeat(100);
  expect(
    lint({ "a.png": "a cat", "b.png": "a cat ", "c.png": long, "d.png": long, "e.png": long, "f.png": "" }),
  ).toEqual({
    empty_caption: ["f.png"],
    duplicate_caption: ["2 × a cat", `3 × ${"x".repeat(60)}…`],
  });
});

test("a long caption matters to models that read it through CLIP only", () => {
  const captions = { "a.png": "word ".repeat(76), "b.png": "word ".repeat(75) };
  expect(lint(captions, { clipOnly: true })).toEqual({ long_caption: ["a.png"] });
  expect(lint(captions)).toEqual({ long_caption: ["a.png"] });
  expect(lint(captions, { clipOnly: false })).toEqual({});
});

test.each([
  ["", 0],
  ["a cat", 2],
  ["a red cat, film grain", 6],
  ["猫が好き", 4],
  ["photograph 1987", 6],
])("%j is about %d tokens", (caption, tokens) => {
  expect(tokensOf(caption)).toBe(tokens);
});
