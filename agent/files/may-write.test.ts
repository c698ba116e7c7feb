import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { mayWrite } from "./may-write.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "may-write-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a folder of one's own may be written to, and one below it that is still to be made", async () => {
  expect(await mayWrite(folder)).toBe(true);
  expect(await mayWrite(join(folder, "a/b/c"))).toBe(true);
});

test("nothing can be made below a file", async () => {
  await writeFile(join(folder, "file"), "");
  expect(await mayWrite(join(folder, "file/below"))).toBe(false);
});

test.skipIf(process.getuid?.() === 0)("a folder without the right to write is none", async () => {
  const closed = join(folder, "closed");
  await mkdir(closed);
  await chmod(closed, 0o500);
  expect(await mayWrite(closed)).toBe(false);
  expect(await mayWrite(join(closed, "new"))).toBe(false);
});
