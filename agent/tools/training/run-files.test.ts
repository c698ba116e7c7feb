import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import sharp from "sharp";
import { expect, test } from "vitest";
import { scratch } from "../../testing/scratch.ts";
import { contactSheet } from "./contact-sheet.ts";
import { checkpointStep, listCheckpoints, listSamples, pictureOf } from "./run-files.ts";

test.each([
  ["cats_000000250.safetensors", 250],
  ["cats.safetensors", null],
  ["cats_000000250_high_noise.safetensors", 250],
  ["cats_low_noise.safetensors", null],
  ["cats_LoRA_000000250.safetensors", undefined],
  ["cats_v2_000000250.safetensors", undefined],
  ["cats_000000250.safetensors.tmp", undefined],
  ["optimizer.pt", undefined],
])("%s is the checkpoint of step %s", (file, step) => {
  expect(checkpointStep("cats", file)).toBe(step);
});

test("a run that has written nothing has no checkpoints and no samples", async () => {
  expect(await listCheckpoints("/nonexistent", "cats")).toEqual([]);
  expect(await listSamples("/nonexistent")).toEqual([]);
});

test("a full fine-tune writes folders; a file of that name is no checkpoint", async () => {
  const folder = await scratch();
  await mkdir(join(folder, "cats_000000250"));
  await mkdir(join(folder, "samples"));
  await writeFile(join(folder, "cats_000000500"), "");
  expect(await listCheckpoints(folder, "cats")).toMatchObject([{ name: "cats_000000250", step: 250 }]);
});

async function runWithSamples(steps: readonly number[], prompts: number): Promise<string> {
  const folder = await scratch();
  await mkdir(join(folder, "samples/.tmp"), { recursive: true });
  for (const step of steps) {
    for (let index = 0; index < prompts; index++) {
      const name = `1795363910925__${String(step).padStart(9, "0")}_${index}.jpg`;
      const red = Math.min(255, step + index);
      await sharp({
        create: { width: 64, height: 32, channels: 3, background: { r: red, g: 0, b: 0 } },
      }).toFile(join(folder, "samples", name));
    }
  }
  return folder;
}

test("samples are sorted by step, then by prompt number, not by name", async () => {
  const samples = await listSamples(await runWithSamples([5, 0], 11));
  expect(samples.map(({ step, index }) => [step, index])).toEqual([
    ...Array.from({ length: 11 }, (_, index) => [0, index]),
    ...Array.from({ length: 11 }, (_, index) => [5, index]),
  ]);
});

test("samples are of every form that the toolkit writes; a video is shown by its first frame, a sound not at all", async () => {
  const folder = await scratch();
  await mkdir(join(folder, "samples"));
  const names = ["jpg", "jpeg", "png", "webp", "mp4", "mp3", "wav"].map(
    (ending, n) => `1795363910925__000000100_${n}.${ending}`,
  );
  for (const name of [...names, "1795363910925__000000100_9.txt", "art.mp3"])
    await writeFile(join(folder, "samples", name), "");
  const samples = await listSamples(folder);
  expect(samples.map(({ path }) => basename(path))).toEqual(names);
  expect(samples.slice(3).map(pictureOf)).toEqual([
    samples[3]?.path,
    join(folder, `samples/.thumbs/${names[4]}.jpg`),
    undefined,
    undefined,
  ]);
});

test("the contact sheet has a row for each step and a column for each prompt", async () => {
  const samples = await listSamples(await runWithSamples([0, 100, 200], 2));
  const sheet = await contactSheet(samples, { cell: 32, gap: 4 });
  expect(sheet).toMatchObject({ steps: [0, 100, 200], prompts: [0, 1], width: 76, height: 112 });
  const { data, info } = await sharp(sheet?.image).raw().toBuffer({ resolveWithObject: true });
  expect([info.width, info.height]).toEqual([76, 112]);
  const redAt = (x: number, y: number) => data[(y * info.width + x) * info.channels] ?? 0;
  expect(redAt(20, 92)).toBeGreaterThan(redAt(20, 56)); // step 200 below step 100
});

test("more steps than rows are thinned out, with the first and the last kept", async () => {
  const samples = await listSamples(await runWithSamples([0, 10, 20, 30, 40, 50, 60], 1));
  expect((await contactSheet(samples, { cell: 8, maxRows: 3 }))?.steps).toEqual([0, 30, 60]);
});

test("a damaged sample leaves its cell empty instead of spoiling the sheet", async () => {
  const folder = await runWithSamples([0], 1);
  await writeFile(join(folder, "samples/1__000000000_1.jpg"), "not a picture");
  expect(await contactSheet(await listSamples(folder), { cell: 16 })).toMatchObject({ prompts: [0, 1] });
});

test("a sheet of very many pictures still fits into an answer", async () => {
  const folder = await runWithSamples([0], 1);
  const [first] = await listSamples(folder);
  const noise = { type: "gaussian", mean: 128, sigma: 60 } as const;
  const path = first?.path ?? "";
  await sharp({ create: { width: 256, height: 256, channels: 3, background: "#000", noise } }).toFile(path);
  const many = Array.from({ length: 16 * 30 }, (_, n) => ({
    path,
    step: Math.floor(n / 30),
    index: n % 30,
    drawnMs: n,
  }));
  const sheet = await contactSheet(many, { maxRows: 16, format: "jpeg" });
  expect(sheet?.image.length).toBeLessThanOrEqual(300_000);
  expect(sheet?.prompts).toHaveLength(30);
}, 60_000);

test("no samples make no sheet", async () => {
  expect(await contactSheet([])).toBeUndefined();
});
