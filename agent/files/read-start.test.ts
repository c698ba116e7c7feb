import { execFileSync } from "node:child_process";
import { mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readStart, readStarts, type Start } from "./read-start.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "starts-"));
});
afterEach(() => rm(folder, { recursive: true }));

test("both ways say the same of files, and of all that is none", async () => {
  const at = (name: string) => join(folder, name);
  await writeFile(at("long"), "0123456789");
  await writeFile(at("short"), "012");
  await writeFile(at("empty"), "");
  await symlink("long", at("link"));
  execFileSync("mkfifo", [at("fifo")]);
  const server = createServer().listen(at("socket"));
  const names = ["long", "short", "empty", "link", "fifo", "socket", "missing", "."];
  const inWords = (found: Start | Error | undefined) =>
    found instanceof Error
      ? (found as NodeJS.ErrnoException).code
      : found && `${found.bytes} of ${found.size}`;
  const expected = ["01234 of 10", "012 of 3", " of 0", "ELOOP", undefined, undefined, "ENOENT", undefined];
  const paths = names.map(at);
  const told: (string | undefined)[] = [];
  await readStarts(paths, 5, (index, start) => {
    told[index] = inWords(start);
  });
  expect(told).toEqual(expected);
  const each = await Promise.all(paths.map((path) => readStart(path, 5).catch((error: Error) => error)));
  expect(each.map(inWords)).toEqual(expected);
  server.close();
});
