import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { expect, test } from "vitest";
import { forEachLine } from "./lines.ts";

async function linesOf(...chunks: (string | Buffer)[]): Promise<string[]> {
  const stream = new PassThrough();
  const lines: string[] = [];
  forEachLine(stream, (line) => lines.push(line));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
  return lines;
}

test("lines come whole, wherever the chunks were cut", async () => {
  const text = Buffer.from("eins\r\nzwei ä\n\n  \ndrei");
  const cut = text.indexOf("ä") + 1; // in the middle of a character
  expect(await linesOf(text.subarray(0, 2), text.subarray(2, cut), text.subarray(cut))).toEqual([
    "eins",
    "zwei ä",
    "drei",
  ]);
});

test("of an endless line only the end is kept", async () => {
  const lines = await linesOf(...Array.from({ length: 20 }, () => "x".repeat(3000)), "yz\n", "next\n");
  expect(lines).toEqual([`${"x".repeat(4094)}yz`, "next"]);
});
