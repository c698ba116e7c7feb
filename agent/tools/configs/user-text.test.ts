import { expect, test } from "vitest";
import { userTextProblem } from "./user-text.ts";

test.each(["a cat", "100 % $5 {x} $x", "zwei\nZeilen\r\n\tmit Tabulator", "日本 😀 é\u00a0!"])(
  "%j may stand in a config",
  (text) => {
    expect(userTextProblem(text)).toBeUndefined();
  },
);

test("text that ai-toolkit would replace by a secret is refused", () => {
  expect(userTextProblem(`a \${HF_TOKEN} cat`)).toContain("environment variables");
});

test.each(["a\u0000b", "\u001b[31m", "\u007f", "\u0085", "\u2028", "\ufffe", "\ud800"])(
  "a character that a YAML file cannot hold is refused: %j",
  (text) => {
    expect(userTextProblem(text)).toContain("cannot hold");
  },
);
