import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { hubCache, isDownloaded } from "./hf-cache.ts";

let home: string;
const put = async (path: string) => {
  const file = join(home, "hub", path);
  await mkdir(join(file, ".."), { recursive: true });
  await writeFile(file, "x");
};

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "hf-"));
  await put("models--org--whole/snapshots/abc/model_index.json");
  await put("models--org--part/snapshots/abc/model_index.json");
  await put("models--org--part/blobs/1234.incomplete");
  await put("models--org--files/snapshots/abc/sub/a.safetensors");
  await mkdir(join(home, "hub/models--org--empty/snapshots/abc"), { recursive: true });
});
afterAll(() => rm(home, { recursive: true }));

test.each([
  ["org/whole", true],
  ["org/part", false],
  ["org/empty", false],
  ["org/none", false],
  ["org/files/sub/a.safetensors", true],
  ["org/files/sub/b.safetensors", false],
  ["/models/whole", false],
  ["whole", false],
])("is %s on this machine? %s", async (path, there) => {
  expect(await isDownloaded(path, { HF_HOME: home })).toBe(there);
});

test("the cache is looked for where huggingface_hub looks", () => {
  expect(hubCache({ HF_HUB_CACHE: "/a", HF_HOME: "/b" })).toBe("/a");
  expect(hubCache({ HF_HOME: "/b" })).toBe("/b/hub");
  expect(hubCache({ XDG_CACHE_HOME: "/c" })).toBe("/c/huggingface/hub");
  expect(hubCache({ HOME: "/d" })).toBe("/d/.cache/huggingface/hub");
  expect(hubCache({})).toBeUndefined();
});
