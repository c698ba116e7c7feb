import { expect, test } from "vitest";
import { formatConfig, parseConfig } from "./yaml.ts";

const read = (text: string) => parseConfig(text, false).value;

test("numbers, truth values and letters are read as ai-toolkit reads them", () => {
  const text = "a: 1e-4\nb: yes\nc: 1_000\nd: 012\ne: off\nf: 1E-5\ny: n\nx: Y\ng: 'on'\nh: ~\n";
  expect(read(text)).toEqual({
    a: 1e-4,
    b: true,
    c: 1000,
    d: 10,
    e: false,
    f: 1e-5,
    y: "n",
    x: "Y",
    g: "on",
    h: null,
  });
});

test("anchors and merge keys work", () => {
  expect(read("base: &b {lr: 1, x: 2}\nmine: {<<: *b, x: 3}\n")).toEqual({
    base: { lr: 1, x: 2 },
    mine: { lr: 1, x: 3 },
  });
});

test("what JSON has no word for is null or text", () => {
  expect(read("a: .nan\nb: -.inf\nc: 2024-01-02\n")).toEqual({
    a: null,
    b: null,
    c: "2024-01-02T00:00:00.000Z",
  });
});

test("comments stay in the document", () => {
  const { document } = parseConfig("# mine\na: 1 # why\n", false);
  document.setIn(["a"], 2);
  expect(String(document)).toBe("# mine\na: 2 # why\n");
});

test("a JSON file is read as JSON", () => {
  expect(parseConfig('{"y": [1e-4, "yes"]}', true).value).toEqual({ y: [1e-4, "yes"] });
  expect(() => parseConfig("a: 1", true)).toThrow("Invalid YAML format: ");
});

test("keys with the names of inherited things are data", () => {
  const value = read('"__proto__": {polluted: true}\nconstructor: 1\n') as object;
  expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
  expect("polluted" in value).toBe(false);
});

const bomb = [..."abcdefghi"]
  .map(
    (name, i, all) =>
      `${name}: &${name} [${Array(9)
        .fill(i === 0 ? "x" : `*${all[i - 1]}`)
        .join(",")}]`,
  )
  .join("\n");

test.each([
  ["a syntax error", "a: [1, 2", /^Invalid YAML format: .+ at line 1, column \d+$/],
  ["a key twice", "a: 1\nb: 2\na: 3\n", /the key "a" stands twice/],
  ["an alias bomb", bomb, /Excessive alias count/],
  ["deep brackets", "[".repeat(1_000_000), /nested more than/],
  ["deep lists", "- ".repeat(100_000), /nested more than/],
  [
    "deep blocks",
    Array.from({ length: 1400 }, (_, i) => `${" ".repeat(i)}k:`).join("\n"),
    /nested more than/,
  ],
  ["an unknown alias", "a: *b", /Unresolved alias/],
])("%s is refused", (_, text, message) => {
  expect(() => read(text)).toThrow(
    expect.objectContaining({ code: "conflict", message: expect.stringMatching(message) }),
  );
});

test("many keys are no work", () => {
  const text = Array.from({ length: 40_000 }, (_, i) => `key${i}: ${i}`).join("\n");
  expect(Object.keys(read(text) as object)).toHaveLength(40_000);
});

test.each([
  "on",
  "1e-4",
  "=",
  "<<",
  "~",
  "012",
  "1:30",
  "2024-01-01",
  "a: b",
  "# x",
  " x ",
  "two\nlines\n",
  "q\"'\\",
  "😀",
  "",
])("the text %j is text again after writing and reading", (text) => {
  const written = formatConfig({ prompts: [text] }, "made here");
  expect(read(written)).toEqual({ prompts: [text] });
  expect(written).toContain(JSON.stringify(text));
});

test("what is written starts with where it comes from and has no line folded", () => {
  const long = "word ".repeat(100);
  const written = formatConfig({ job: "extension", list: [{ a: 1e-7, b: true }], long }, "made here");
  expect(written).toBe(`# made here\n\njob: "extension"\nlist:\n  - a: 1e-7\n    b: true\nlong: "${long}"\n`);
});
