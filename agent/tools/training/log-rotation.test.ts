import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { tailLog } from "./log-file.ts";
import { rotateLog, TailCopy } from "./log-rotation.ts";

const MAX_BYTES = 64 * 1024;
/** An eighth for the beginning, the rest for two parts. */
const PART_BYTES = (MAX_BYTES - MAX_BYTES / 8) / 2;

async function newLog(content = ""): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-rotation-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, "log.txt");
  await writeFile(path, content);
  return path;
}

const numbered = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => `line ${String(from + n).padStart(9, "0")}\n`).join("");
const filesOf = async (path: string) => (await readdir(dirname(path))).sort();
const bytesOf = async (path: string) => {
  const sizes = await Promise.all((await filesOf(path)).map((name) => stat(join(dirname(path), name))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
};

test("a log below its limit is left alone", async () => {
  const path = await newLog("x".repeat(PART_BYTES * 0.8));
  expect(await rotateLog(path, MAX_BYTES)).toBe(false);
  expect(await filesOf(path)).toEqual(["log.txt"]);
  expect(await rotateLog(join(dirname(path), "nothing"), MAX_BYTES)).toBe(false);
});

test("the first rotation leaves nothing out, and lines are read across the seam", async () => {
  const path = await newLog(numbered(0, 1_900));
  expect(await rotateLog(path, MAX_BYTES)).toBe(true);
  await appendFile(path, "after\n");
  expect(await filesOf(path)).toEqual(["log.txt", "log.txt.previous"]);
  const { lines, bytes } = await tailLog(path, 10_000);
  expect(lines.join("\n")).toBe(`${numbered(0, 1_900)}after`);
  expect(bytes).toBe(await bytesOf(path));
});

test("of a log that goes on and on, the beginning and the end are kept, and what lies between is said to be left out", async () => {
  const path = await newLog();
  for (let from = 0; from < 20_000; from += 1_000) {
    await appendFile(path, numbered(from, from + 1_000));
    await rotateLog(path, MAX_BYTES);
    expect(await bytesOf(path)).toBeLessThan(MAX_BYTES + 20_000);
  }
  expect(await filesOf(path)).toEqual(["log.txt", "log.txt.head", "log.txt.previous"]);
  const { lines, bytes } = await tailLog(path, 100_000);
  expect(bytes).toBe(await bytesOf(path));
  const gap = lines.findIndex((line) => line.startsWith("[... a part of the log was left out"));
  expect(lines.slice(0, gap).join("\n")).toBe(numbered(0, gap).trimEnd());
  const kept = lines.length - gap - 1;
  // The first line behind the gap may be cut.
  expect(lines.slice(gap + 2).join("\n")).toBe(numbered(20_000 - kept + 1, 20_000).trimEnd());
  expect(kept * 15).toBeGreaterThan(PART_BYTES);
});

test("a rotation that was killed before the cut is done again, and nothing stands twice", async () => {
  const path = await newLog(numbered(0, 2_500));
  await writeFile(`${path}.previous`, await readFile(path));
  await writeFile(`${path}.previous.partial`, "rubbish");
  expect(await rotateLog(path, MAX_BYTES)).toBe(true);
  const { lines } = await tailLog(path, 10_000);
  const last = lines.filter((line) => line === "line 000002499");
  expect(last).toHaveLength(1);
  expect(await filesOf(path)).toEqual(["log.txt", "log.txt.head", "log.txt.previous"]);
});

test("of what is printed faster than it can be copied the end is kept, for that may be the last words", async () => {
  const path = await newLog(numbered(0, 2_000));
  const source = await open(path, "r");
  const target = await open(`${path}.copy`, "w");
  onTestFinished(async () => {
    await source.close();
    await target.close();
  });
  const copy = new TailCopy(source, target, PART_BYTES);
  expect(await copy.run()).toBe(false);
  await appendFile(path, `${numbered(2_000, 40_000)}last words\n`);
  copy.finishSync();
  const lines = (await readFile(`${path}.copy`, "utf8")).trimEnd().split("\n");
  expect(lines.slice(0, 2_000).join("\n")).toBe(numbered(0, 2_000).trimEnd());
  expect(lines[2_001]).toContain("left out");
  expect(lines.slice(-3)).toEqual(["line 000039998", "line 000039999", "last words"]);
  expect(lines.length).toBeLessThan(8_000);
});

test("an appending writer goes on in the cut file: no hole, and its last lines are there", async () => {
  const path = await newLog();
  const log = await open(path, "a");
  const writer = spawn(
    process.execPath,
    [
      "-e",
      `const { writeSync } = require("node:fs");
       let n = 0;
       const block = () => Array.from({ length: 4096 }, () => "line " + String(n++).padStart(58, "0") + "\\n").join("");
       while (n < 3_000_000) writeSync(1, block());
       writeSync(1, "Error running job: the end\\n");`,
    ],
    { stdio: ["ignore", log.fd, "inherit"] },
  );
  await log.close();
  const exited = once(writer, "exit");
  let running = true;
  void exited.then(() => {
    running = false;
  });
  const maxBytes = 8 * 1024 * 1024;
  const before = process.memoryUsage();
  let rotations = 0;
  while (running) rotations += Number(await rotateLog(path, maxBytes));
  await exited;
  await rotateLog(path, maxBytes);
  const after = process.memoryUsage();
  expect(rotations).toBeGreaterThan(0);
  expect(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed).toBeLessThan(48e6);
  expect(await bytesOf(path)).toBeLessThanOrEqual(maxBytes + 1024 * 1024);
  const { lines } = await tailLog(path, 1_000);
  expect(lines.at(-1)).toBe("Error running job: the end");
  const numbers = lines.slice(0, -1).map((line) => Number(line.slice(5)));
  const last = numbers.at(-1) ?? 0;
  expect(last).toBeGreaterThan(2_999_999);
  expect(numbers).toEqual(Array.from({ length: 999 }, (_, n) => last - 998 + n));
});
