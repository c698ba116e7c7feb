import { link, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { claim, placeFile, writeFileAtomic } from "./atomic.ts";
import { type Folder, folderInside } from "./sandbox.ts";

let root: string;
let folder: Folder;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "atomic-")));
  folder = await folderInside(root, "", "output");
});

afterEach(async () => {
  await folder[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

const content = () => readFile(join(root, "file"), "utf8");
const coded = (code: string) => Object.assign(new Error(code), { code });

test("a file appears with its whole content and nothing beside it", async () => {
  await writeFileAtomic(folder, "file", "data", { overwrite: false });
  expect(await content()).toBe("data");
  expect(await readdir(root)).toEqual(["file"]);
  expect((await stat(join(root, "file"))).nlink).toBe(1);
});

test("an existing file is kept without overwrite, replaced with it", async () => {
  await writeFileAtomic(folder, "file", "old", { overwrite: false });
  await expect(writeFileAtomic(folder, "file", "new", { overwrite: false })).rejects.toMatchObject({
    code: "EEXIST",
  });
  expect(await content()).toBe("old");
  await writeFileAtomic(folder, "file", "new", { overwrite: true });
  expect(await content()).toBe("new");
  expect(await readdir(root)).toEqual(["file"]);
});

test("what fails while it is written leaves the old file and no part of the new one", async () => {
  await writeFileAtomic(folder, "file", "old", { overwrite: false });
  const failing = placeFile(folder, "file", { overwrite: true }, async (path) => {
    await writeFile(path, "half");
    expect(await readdir(root)).toHaveLength(2);
    throw new Error("disk on fire");
  });
  await expect(failing).rejects.toThrow("disk on fire");
  expect(await content()).toBe("old");
  expect(await readdir(root)).toEqual(["file"]);
});

test("a folder is never replaced by a file", async () => {
  await mkdir(join(root, "file"));
  await expect(writeFileAtomic(folder, "file", "x", { overwrite: true })).rejects.toMatchObject({
    code: "EISDIR",
  });
  expect(await readdir(root)).toEqual(["file"]);
});

test("of many writers at once exactly one gets the name", async () => {
  const writers = Array.from({ length: 20 }, (_, index) =>
    writeFileAtomic(folder, "file", `writer ${index}`, { overwrite: false }).then(
      () => `writer ${index}`,
      () => undefined,
    ),
  );
  const winners = (await Promise.all(writers)).filter((each) => each !== undefined);
  expect(winners).toEqual([await content()]);
  expect(await readdir(root)).toEqual(["file"]);
});

test("without hard links the name is given all the same, and still only once", async () => {
  const noLinks = () => Promise.reject(coded("EPERM"));
  await writeFile(join(root, "temporary"), "first");
  await claim(join(root, "temporary"), join(root, "file"), noLinks);
  expect(await content()).toBe("first");
  await writeFile(join(root, "temporary"), "second");
  await expect(claim(join(root, "temporary"), join(root, "file"), noLinks)).rejects.toMatchObject({
    code: "EEXIST",
  });
  expect(await content()).toBe("first");
});

test("without hard links a rename that fails gives the name back", async () => {
  const noLinks = () => Promise.reject(coded("ENOTSUP"));
  await expect(claim(join(root, "missing"), join(root, "file"), noLinks)).rejects.toMatchObject({
    code: "ENOENT",
  });
  expect(await readdir(root)).toEqual([]);
});

test("other failures of a link are reported, not worked around", async () => {
  await writeFile(join(root, "temporary"), "x");
  await expect(claim(join(root, "temporary"), join(root, "no/such"), link)).rejects.toMatchObject({
    code: "ENOENT",
  });
});
