import { mkdir, readdir, symlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { scratch } from "../testing/scratch.ts";
import { PARTIAL_PREFIX } from "./atomic.ts";
import { removeLeftovers } from "./leftovers.ts";

const { signal } = new AbortController();
const old = new Date(Date.now() - 2 * 60 * 60 * 1000);

async function partial(folder: string, name: string, age: Date): Promise<void> {
  const path = join(folder, `${PARTIAL_PREFIX}${name}`);
  await writeFile(path, "half");
  await utimes(path, age, age);
}

test("what a crash left is removed, at any depth; what is being written and what has a name stays", async () => {
  const root = await scratch();
  const inner = join(root, "cats/inner");
  await mkdir(inner, { recursive: true });
  await partial(inner, "old", old);
  await partial(inner, "new", new Date());
  await writeFile(join(inner, "a.png"), "x");
  await utimes(join(inner, "a.png"), old, old);
  expect(await removeLeftovers(root, signal)).toBe(1);
  expect((await readdir(inner)).sort()).toEqual([`${PARTIAL_PREFIX}new`, "a.png"].sort());
});

test("what somebody is at stays, however old it looks", async () => {
  const root = await scratch();
  await partial(root, "old", old);
  expect(await removeLeftovers(root, signal, new Set([`${PARTIAL_PREFIX}old`]))).toBe(0);
  expect(await readdir(root)).toHaveLength(1);
});

test("a link to another place is not followed", async () => {
  const [root, elsewhere] = [await scratch(), await scratch()];
  await partial(elsewhere, "old", old);
  await symlink(elsewhere, join(root, "link"));
  expect(await removeLeftovers(root, signal)).toBe(0);
  expect(await readdir(elsewhere)).toHaveLength(1);
});

test("a folder that is not there has no leftovers", async () => {
  expect(await removeLeftovers("/nonexistent", signal)).toBe(0);
});

test("a program that ends does not wait for the rest", async () => {
  const root = await scratch();
  await partial(root, "old", old);
  expect(await removeLeftovers(root, AbortSignal.abort())).toBe(0);
});
