import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import { tailLog } from "./log-file.ts";
import { cleanLines } from "./log-text.ts";

async function logOf(content: string | Buffer): Promise<string> {
  const path = join(await scratch(), "log.txt");
  await writeFile(path, content);
  return path;
}

test("D35: a bar that was redrawn a thousand times is one line, its last state", () => {
  const bar = Array.from({ length: 1000 }, (_, n) => `\rx: ${n}/1000`).join("");
  expect(cleanLines(`start${bar}\nend`)).toEqual(["x: 999/1000", "end"]);
});

test("cursor movements and the blanks that erase a bar leave no trace", () => {
  expect(cleanLines(`\n\rGenerating: 50%\u001b[A\r${" ".repeat(64)}\r\nok\u0007`)).toEqual([
    "Generating: 50%",
    "ok",
  ]);
});

test("D35: a byte that is no UTF-8 does not empty the log", async () => {
  const path = await logOf(Buffer.from([0x61, 0xff, 0x62, 0x0a, 0x63]));
  expect((await tailLog(path, 10)).lines).toEqual(["a\ufffdb", "c"]);
});

test("a character cut between two blocks of the file stays whole", async () => {
  const path = await logOf(`${"█".repeat(200_000)}\nend\n`);
  const { lines } = await tailLog(path, 2);
  expect(lines.at(-1)).toBe("end");
  expect(lines.join("")).not.toContain("\ufffd");
});

test("only as many lines as asked for, the newest last, and the size of the whole log", async () => {
  const text = Array.from({ length: 50_000 }, (_, n) => `line ${n}\n`).join("");
  const path = await logOf(text);
  expect(await tailLog(path, 3)).toEqual({
    lines: ["line 49997", "line 49998", "line 49999"],
    bytes: text.length,
  });
  expect(await tailLog(path, 0)).toEqual({ lines: [], bytes: text.length });
});

test("a log that is one endless line is answered with its bounded end", async () => {
  const path = await logOf("x".repeat(6 * 1024 * 1024));
  await appendFile(path, "\nlast");
  const { lines } = await tailLog(path, 100);
  expect(lines.at(-1)).toBe("last");
  expect(lines.join("").length).toBeLessThan(10_000);
});

test("a bar that was redrawn for hours without a newline is still seen", async () => {
  const bar = (step: number) => `\rrun:  50%|#####     | ${step}/200000 [00:08<00:15,  2.17s/it]`;
  const path = await logOf(Array.from({ length: 90_000 }, (_, step) => bar(step)).join(""));
  expect((await tailLog(path, 10)).lines).toEqual([expect.stringContaining("89999/200000")]);
});

test("a log that does not exist yet is empty", async () => {
  expect(await tailLog("/nonexistent/log.txt", 5)).toEqual({ lines: [], bytes: 0 });
});
