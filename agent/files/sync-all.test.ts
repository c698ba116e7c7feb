import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { syncAll } from "./sync-all.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sync-all-"));
  await mkdir(join(root, "a"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function files(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, (_, index) => join("a", `${index}.txt`));
  for (const name of names) await writeFile(join(root, name), name);
  return names;
}

test("many files are synced with their whole file system, by a program that is there", async () => {
  const asked: string[] = [];
  await syncAll(root, await files(300), [".", "a"], async (path) => {
    asked.push(path);
    return true;
  });
  expect(asked).toEqual([root]);
  await syncAll(root, await files(300), [".", "a"]);
});

test("many folders with few files in them are, too", async () => {
  const folders = Array.from({ length: 300 }, (_, index) => `${index}`);
  for (const name of folders) await mkdir(join(root, name));
  const asked: string[] = [];
  await syncAll(root, await files(1), folders, async (path) => {
    asked.push(path);
    return true;
  });
  expect(asked).toEqual([root]);
});

test("where that cannot be done, and for a few, each is synced, and what cannot be is told", async () => {
  const cannot = async () => false;
  await syncAll(root, await files(300), [".", "a"], cannot);
  const never = () => Promise.reject(new Error("asked"));
  await syncAll(root, await files(3), [".", "a"], never);
  await expect(syncAll(root, ["a/gone.txt"], ["."], never)).rejects.toMatchObject({ code: "ENOENT" });
  await expect(syncAll(root, await files(3), ["gone"], never)).rejects.toMatchObject({ code: "ENOENT" });
});
