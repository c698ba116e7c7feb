import { copyFile, mkdtemp, readdir, rm, truncate, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { setCutOffAside } from "./cut-off.ts";

const LORA = join(import.meta.dirname, "../models/fixtures/tiny_run_v1_000000005.safetensors");

/** A run's folder with an older, whole checkpoint and a newer one of `bytes`. */
async function runWith(bytes?: number): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "aitk-cut-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  await copyFile(LORA, join(folder, "a_000000010.safetensors"));
  await utimes(join(folder, "a_000000010.safetensors"), 1_000, 1_000);
  await copyFile(LORA, join(folder, "a_000000020.safetensors"));
  if (bytes !== undefined) await truncate(join(folder, "a_000000020.safetensors"), bytes);
  await utimes(join(folder, "a_000000020.safetensors"), 2_000, 2_000);
  return folder;
}

test.each([0, 4, 5_000])(
  "a newest checkpoint of %i bytes is set aside, the one before stays",
  async (bytes) => {
    const folder = await runWith(bytes);
    expect(await setCutOffAside(folder, "a", 1_500_000)).toBe("a_000000020.safetensors");
    expect(await readdir(folder)).toEqual(["a_000000010.safetensors", "a_000000020.safetensors.cut-off"]);
  },
);

test("a whole checkpoint stays, and so does a broken one that this run did not write", async () => {
  for (const [bytes, sinceMs] of [
    [undefined, 1_500_000],
    [4, 3_000_000],
  ] as const) {
    const folder = await runWith(bytes);
    expect(await setCutOffAside(folder, "a", sinceMs)).toBeUndefined();
    expect(await readdir(folder)).toHaveLength(2);
  }
});

test("a run that wrote nothing has nothing to set aside", async () => {
  expect(await setCutOffAside("/nonexistent", "a", 0)).toBeUndefined();
});
