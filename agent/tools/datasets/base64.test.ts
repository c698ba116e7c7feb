import { describe, expect, test } from "vitest";
import { decodeBase64 } from "./base64.ts";

const bytes = Buffer.from([0, 1, 2, 250, 251, 252, 253, 254, 255, 63]);

describe("accepted", () => {
  const plain = bytes.toString("base64");
  test.each([
    ["as it is", plain],
    ["without padding", plain.replace(/=+$/, "")],
    ["with line breaks and blanks", ` ${plain.slice(0, 5)}\r\n${plain.slice(5)}\t\n`],
    ["as a data URL", `data:image/png;base64,${plain}`],
    ["as a data URL with parameters, in capitals", `DATA:image/png;charset=utf-8;name=a.png;BASE64,${plain}`],
  ])("%s", (_how, text) => {
    expect(decodeBase64(text)).toEqual(bytes);
  });

  test("one and two bytes in the last group", () => {
    for (const length of [1, 2, 3, 4]) {
      const part = bytes.subarray(0, length);
      expect(decodeBase64(part.toString("base64"))).toEqual(part);
      expect(decodeBase64(part.toString("base64").replaceAll("=", ""))).toEqual(part);
    }
  });

  test("a long text, without running out of stack", () => {
    const long = Buffer.alloc(30_000_000, 7);
    expect(decodeBase64(long.toString("base64")).equals(long)).toBe(true);
  });
});

test.each([
  ["", "empty"],
  ["   \n", "empty"],
  ["data:image/png;base64,", "empty"],
  ["not base64!", '"!" at position'],
  ["AAAA\0AAA", "not base64"],
  ["AA-_", "not base64"],
  ["AAäA", "not base64"],
  ["AA=A", "not base64"],
  ["====", "not base64"],
  ["AAA==", "length is wrong"],
  ["AAAA=", "length is wrong"],
  ["AAAAA", "length is wrong"],
  ["data:image/png,AAAA", "not base64"],
  ["https://example.org/a.png", "not base64"],
])("%j is refused", (text, reason) => {
  expect(() => decodeBase64(text)).toThrow(reason);
});
