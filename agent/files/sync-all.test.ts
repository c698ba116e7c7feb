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
  await syncAll(root, await files(300), async (path) => {
    asked.push(path);
    return true;
  });
  expect(asked).toEqual([root]);
  await syncAll(root, await files(300));
});

test("many folders with few files in them are, too", async () => {
  const folder = "d/".repeat(300);
  await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, folder, "a.txt"), "a");
  const asked: string[] = [];
  await syncAll(root, [join(folder, "a.txt")], async (path) => {
    asked.push(path);
    return true;
  });
  expect(asked).toEqual([root]);
});

test("where that cannot be done, and for a few, each is synced, and what cannot be is told", async () => {
  const cannot = async () => false;
  await syncAll(root, await files(300), cannot);
  const never = () => Promise.reject(new Error("asked"));
  await syncAll(root, await files(3), never);
  await expect(syncAll(root, ["a/gone.txt"], never)).rejects.toMatchObject({ code: "ENOENT" });
});
