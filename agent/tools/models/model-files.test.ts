import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { extensionOf, isModelName, listModels, stemOf } from "./model-files.ts";

let base: string;
let roots: { outputs: string; output: string };

beforeEach(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "model-files-")));
  roots = { outputs: join(base, "outputs"), output: join(base, "output") };
  await mkdir(roots.outputs);
  await mkdir(join(roots.output, "run"), { recursive: true });
});

afterEach(() => rm(base, { recursive: true, force: true }));

test.each([
  ["a.safetensors", true],
  ["a.b.ckpt", true],
  ["a.pt", true],
  ["optimizer.pt", false],
  ["optimizer.safetensors", true],
  [".partial-1.pt", false],
  ["a.pth", false],
  ["pt", false],
])("%s is a model by its name: %s", (name, expected) => {
  expect(isModelName(name)).toBe(expected);
});

test("a version number is no extension", () => {
  expect(extensionOf("v1.5")).toBeUndefined();
  expect(stemOf("run/v1.5.safetensors")).toBe("v1.5");
  expect(stemOf("run/v1.5")).toBe("v1.5");
});

test("a link is listed only if it leads to a file in one of the two folders", async () => {
  await writeFile(join(roots.output, "run/a.pt"), "");
  await writeFile(join(base, "outside.pt"), "");
  await symlink(join(roots.output, "run/a.pt"), join(roots.outputs, "inside.pt"));
  await symlink(join(base, "outside.pt"), join(roots.outputs, "outside.pt"));
  await symlink(join(roots.output, "run"), join(roots.outputs, "folder.pt"));
  await symlink("nowhere", join(roots.outputs, "dangling.pt"));
  const found = (await listModels(roots)).map(({ root, relative }) => `${root}/${relative}`);
  expect(found.sort()).toEqual(["output/run/a.pt", "outputs/inside.pt"]);
});
