import { mkdtemp, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FileCache } from "./file-cache.ts";

let folder: string;
let path: string;
let computed: number;
let cache: FileCache<number>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "file-cache-"));
  path = join(folder, "file");
  computed = 0;
  cache = new FileCache();
});

afterEach(() => rm(folder, { recursive: true, force: true }));

const get = async () => cache.get(path, await stat(path, { bigint: true }), async () => ++computed);

test("an unchanged file is looked at once", async () => {
  await writeFile(path, "a");
  await utimes(path, 1_000, 1_000);
  expect([await get(), await get()]).toEqual([1, 1]);
  expect(cache.recall(path, await stat(path, { bigint: true }))).toBe(1);
});

test("a changed file is looked at again, even with its old size and time set back", async () => {
  await writeFile(path, "a");
  await utimes(path, 1_000, 1_000);
  await get();
  await writeFile(path, "b");
  await utimes(path, 1_000, 1_000);
  expect(await get()).toBe(2);
});

test("a file written a moment ago is not believed to stay", async () => {
  await writeFile(path, "a");
  expect([await get(), await get()]).toEqual([1, 2]);
});
