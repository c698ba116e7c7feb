import { expect, test } from "vitest";
import {
  downloadLine,
  machineTag,
  parseLinkPath,
  shellWord,
  uploadLine,
  withoutToken,
} from "./file-links.ts";

const TOKEN = `0123abcd${"a".repeat(12)}${"b".repeat(22)}`;
const parsed = { machine: "0123abcd", id: "a".repeat(12), signature: "b".repeat(22) };

test.each([
  [`/files/${TOKEN}`, { ...parsed, name: "" }],
  [`/files/${TOKEN}/`, { ...parsed, name: "" }],
  [`/files/${TOKEN}/cats%20%C3%BC.zip`, { ...parsed, name: "cats ü.zip" }],
  [`/files/${TOKEN}/%2e%2e`, { ...parsed, name: ".." }],
  [`/files/${TOKEN}/a/b`, undefined],
  [`/files/${TOKEN}/%ff`, undefined],
  [`/files/${TOKEN}x`, undefined],
  ["/files/", undefined],
  ["/other", undefined],
])("%s", (path, wanted) => {
  expect(parseLinkPath(path)).toEqual(wanted);
});

test("a log sees no link", () => {
  expect([withoutToken(`/files/${TOKEN}/cats.zip`), withoutToken("/mcp")]).toEqual(["/files/…", "/mcp"]);
});

test("a machine's tag is short and plain, whatever its id", () => {
  expect(["0F9D5F37-aaaa", "x", "ä!"].map(machineTag)).toEqual(["0f9d5f37", "x0000000", "00000000"]);
});

test.each([
  ["cats.zip", "cats.zip"],
  ["my cats.zip", "'my cats.zip'"],
  ["cat's", `'cat'\\''s'`],
  ["$(reboot)`x`", "'$(reboot)`x`'"],
  ["a\nb", "'a\nb'"],
])("%j as a word of a shell", (text, word) => {
  expect(shellWord(text)).toBe(word);
});

test("no name is taken for an option", () => {
  expect(downloadLine("http://h/x", "-rf.zip")).toBe("curl -gfL -C - -o ./-rf.zip http://h/x");
  expect(uploadLine("http://[::1]:80/x", "a b.zip")).toBe(
    "curl -gL --fail-with-body -T 'a b.zip' 'http://[::1]:80/x/'",
  );
});
