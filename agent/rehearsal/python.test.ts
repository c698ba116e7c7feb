import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { lossAt } from "./loss-curve.ts";
import { dumps, formatExponent, PythonError, toPythonError, traceback } from "./python.ts";

test.each([
  [{ step: 5, epoch: 0 }, undefined, '{"step": 5, "epoch": 0}'],
  [[], 4, "[]"],
  [{}, 4, "{}"],
  [
    { a: [1, { b: null }] },
    4,
    '{\n    "a": [\n        1,\n        {\n            "b": null\n        }\n    ]\n}',
  ],
  ["é \u{1f600} \n", undefined, '"\\u00e9 \\ud83d\\ude00 \\n"'],
  [[1e-4, 1e-5, 2.5e-7, 1e21, true], undefined, "[0.0001, 1e-05, 2.5e-07, 1e+21, true]"],
])("dumps(%j, %s) is Python's", (value, indent, text) => {
  expect(dumps(value, indent)).toBe(text);
});

test.each([
  [1e-4, 1, "1.0e-04"],
  [1.2691, 3, "1.269e+00"],
  [1e-100, 1, "1.0e-100"],
  [Number.NaN, 3, "nan"],
])("%d has the exponent of a Python format", (value, digits, text) => {
  expect(formatExponent(value, digits)).toBe(text);
});

test("errors of the system get Python's names and words", () => {
  const thrownBy = (action: () => unknown) => {
    try {
      action();
    } catch (error) {
      return toPythonError(error);
    }
    return undefined;
  };
  expect(thrownBy(() => readFileSync("/nowhere"))).toMatchObject({
    type: "FileNotFoundError",
    message: "[Errno 2] No such file or directory: '/nowhere'",
  });
  expect(thrownBy(() => readFileSync("/"))).toMatchObject({ type: "IsADirectoryError" });
});

test("a traceback ends with type and message", () => {
  const error = new PythonError("ValueError", "no", [{ file: "a.py", line: 3, scope: "f", code: "g()" }]);
  expect(traceback(error, [], "/kit")).toBe(
    'Traceback (most recent call last):\n  File "/kit/a.py", line 3, in f\n    g()\nValueError: no\n',
  );
});

test("the loss falls and scatters, and is the same every time", () => {
  const mean = (from: number, to: number) => {
    let sum = 0;
    for (let step = from; step < to; step++) sum += lossAt(step, 1000, 7);
    return sum / (to - from);
  };
  expect(mean(0, 50)).toBeGreaterThan(1.3 * mean(500, 1000));
  expect(new Set([1, 2, 3, 4, 5].map((step) => lossAt(step, 1000, 7))).size).toBe(5);
  expect(lossAt(3, 1000, 7)).toBe(lossAt(3, 1000, 7));
  expect(lossAt(3, 1000, 7)).not.toBe(lossAt(3, 1000, 8));
});
