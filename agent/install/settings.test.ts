import { expect, test } from "vitest";
import { NEW_SETTINGS, settingsIn, withSettings } from "./settings.ts";

test.each([
  ["plain", "/ai-toolkit"],
  ["with blanks", "/srv/my loras"],
  ["with quotes and a dollar", `/srv/"my" $loras\\`],
  ["empty", ""],
])("a value %s comes back as it was", (_what, value) => {
  expect(settingsIn(withSettings(NEW_SETTINGS, { A: value }))).toEqual({ A: value });
});

test("what people wrote stays, at its place and as it was spelt", () => {
  const text = "# mine\nB='x y'\n\nA=1\n#A=0\nHF_TOKEN=hf_x\n";
  expect(withSettings(text, { A: "2", B: "x y", C: "3", D: undefined })).toBe(
    "# mine\nB='x y'\n\nA=2\n#A=0\nHF_TOKEN=hf_x\nC=3\n",
  );
});

test("the last line for a name counts", () => {
  expect(settingsIn("A=1\nA=2\n")).toEqual({ A: "2" });
  expect(withSettings("A=1\nA=2\n", { A: "3" })).toBe("A=1\nA=3\n");
});

test("a line break in a value is refused: it would be a setting of its own", () => {
  expect(() => withSettings("", { A: "1\nB=2" })).toThrow("line break");
});
