import { copyFile, mkdir, mkdtemp, readdir, rm, truncate, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { setCutOffAside } from "./cut-off.ts";

const LORA = join(import.meta.dirname, "../models/fixtures/tiny_run_v1_000000005.safetensors");

/** Seconds since 1970: when an earlier run wrote, and this one. */
const EARLIER = 1_000;
const NOW = 2_000;
const SINCE_MS = 1_500_000;

/** A file of so many bytes; without a number it is whole. */
interface File {
  readonly bytes?: number;
  readonly at?: number;
}

async function folderWith(files: Readonly<Record<string, File>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-cut-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const [name, { bytes, at = NOW }] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(join(path, ".."), { recursive: true });
    await copyFile(LORA, path);
    if (bytes !== undefined) await truncate(path, bytes);
    await utimes(path, at, at);
  }
  return folder;
}

const OLD = { "a_000000010.safetensors": { at: EARLIER } };

test.each([0, 4, 5_000])(
  "a newest checkpoint of %i bytes is set aside, the one before stays",
  async (bytes) => {
    const folder = await folderWith({ ...OLD, "a_000000020.safetensors": { bytes } });
    expect(await setCutOffAside(folder, "a", SINCE_MS)).toEqual(["a_000000020.safetensors"]);
    const left = (await readdir(folder)).sort();
    expect(left).toEqual([".a_000000020.safetensors.cut-off", "a_000000010.safetensors"]);
  },
);

test("nothing that is set aside begins with the run's name: a resume would take it, whatever it ends in", async () => {
  const folder = await folderWith({ "a.safetensors": { bytes: 4 } });
  await setCutOffAside(folder, "a", SINCE_MS);
  expect((await readdir(folder)).filter((name) => name.startsWith("a"))).toEqual([]);
});

test("a whole checkpoint stays, and so does a broken one that this run did not write", async () => {
  const whole = await folderWith({ ...OLD, "a_000000020.safetensors": {} });
  expect(await setCutOffAside(whole, "a", SINCE_MS)).toEqual([]);
  const foreign = await folderWith({ ...OLD, "a_000000020.safetensors": { bytes: 4, at: EARLIER } });
  expect(await setCutOffAside(foreign, "a", SINCE_MS)).toEqual([]);
  expect(await readdir(foreign)).toHaveLength(2);
});

test("the other half of a pair goes with the one that was cut off; an older pair stays", async () => {
  const folder = await folderWith({
    "a_000000010_high_noise.safetensors": {},
    "a_000000010_low_noise.safetensors": {},
    "a_000000020_high_noise.safetensors": {},
    "a_000000020_low_noise.safetensors": { bytes: 5_000 },
  });
  expect(await setCutOffAside(folder, "a", SINCE_MS)).toEqual([
    "a_000000020_high_noise.safetensors",
    "a_000000020_low_noise.safetensors",
  ]);
});

test("a whole model's folder goes with a part that was cut off; another stays", async () => {
  const folder = await folderWith({
    "a_000000010/transformer/model.safetensors": {},
    "a_000000020/transformer/model.safetensors": { bytes: 5_000 },
  });
  expect(await setCutOffAside(folder, "a", SINCE_MS)).toEqual(["a_000000020"]);
  expect((await readdir(folder)).sort()).toEqual([".a_000000020.cut-off", "a_000000010"]);
});

test("a run that wrote nothing has nothing to set aside", async () => {
  expect(await setCutOffAside("/nonexistent", "a", 0)).toEqual([]);
});
