import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderInside } from "../../files/sandbox.ts";
import { Trash } from "../../files/trash.ts";
import { scratch } from "../../testing/scratch.ts";
import { trashHandlers } from "./handlers.ts";

const context = { signal: new AbortController().signal, progress: () => {} };

async function setUp() {
  const root = await scratch();
  const models = join(root, "models");
  await mkdir(models);
  await mkdir(join(root, "trash"));
  const trash = new Trash(join(root, "trash"));
  const { restore_deleted } = trashHandlers({ trash, restoreCaptions: async () => {} });
  const throwAway = async (...names: string[]) => {
    for (const name of names) await writeFile(join(models, name), name);
    const folder = await folderInside(root, "models", "model");
    const id = await trash.put("model", names[0] ?? "", folder, names);
    await folder[Symbol.asyncDispose]();
    return id;
  };
  return { models, throwAway, restore: (trash_id?: string) => restore_deleted({ trash_id }, context) };
}

test("D29: what was deleted comes back whole, and leaves the trash", async () => {
  const { models, throwAway, restore } = await setUp();
  const id = await throwAway("a.safetensors", "a.ckpt");
  const kept = await throwAway("b.safetensors");
  expect((await restore()).deleted.map(({ trash_id }) => trash_id).sort()).toEqual([id, kept].sort());
  expect(await restore(id)).toMatchObject({
    restored: { kind: "model", name: "a.safetensors" },
    deleted: [{ trash_id: kept }],
  });
  expect(await readFile(join(models, "a.ckpt"), "utf8")).toBe("a.ckpt");
});

test("something new in its place is not overwritten, and nothing moves", async () => {
  const { models, throwAway, restore } = await setUp();
  const id = await throwAway("a.safetensors", "a.ckpt");
  await writeFile(join(models, "a.ckpt"), "new");
  await expect(restore(id)).rejects.toMatchObject({ code: "conflict" });
  expect(await readFile(join(models, "a.ckpt"), "utf8")).toBe("new");
  await expect(readFile(join(models, "a.safetensors"))).rejects.toMatchObject({ code: "ENOENT" });
  expect((await restore()).deleted).toHaveLength(1);
});

test("a folder that is gone, and an id that is none, are said so", async () => {
  const { models, throwAway, restore } = await setUp();
  const id = await throwAway("a.safetensors");
  await rm(models, { recursive: true });
  await expect(restore(id)).rejects.toMatchObject({
    code: "conflict",
    message: expect.stringContaining("gone"),
  });
  await expect(restore("nothing")).rejects.toMatchObject({ code: "not_found" });
});
