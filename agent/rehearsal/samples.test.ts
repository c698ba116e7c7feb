import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { expect, onTestFinished, test } from "vitest";
import { drawScene } from "./picture.ts";
import { sampleRequests, writeSample } from "./samples.ts";
import { readSettings } from "./settings.ts";

const sampleBlock = (sample: Readonly<Record<string, unknown>>) =>
  readSettings({ type: "sd_trainer", model: { name_or_path: "x" }, sample }).sample;
const requests = (sample: Readonly<Record<string, unknown>>) =>
  sampleRequests(sampleBlock({ width: 64, height: 64, seed: 42, neg: "", ...sample }), "p3rs0n");

test("prompts have their flags read and cut off, and the trigger word put in", () => {
  expect(
    requests({ prompts: ["[trigger] a cat", "a dog --w 130 --h 64 --seed 7 --n ugly"], walk_seed: true }),
  ).toEqual([
    { prompt: "p3rs0n a cat", width: 64, height: 64, seed: 42 },
    { prompt: "a dog", width: 128, height: 64, seed: 7 },
  ]);
});

test("seeds walk only when told to", () => {
  expect(requests({ prompts: ["a", "b"] }).map(({ seed }) => seed)).toEqual([42, 42]);
  expect(requests({ prompts: ["a", "b"], walk_seed: true }).map(({ seed }) => seed)).toEqual([42, 43]);
});

test("samples have sizes and seeds of their own", () => {
  expect(requests({ samples: [{ prompt: "a", width: 100, seed: 3 }, { prompt: "b" }] })).toEqual([
    { prompt: "a", width: 96, height: 64, seed: 3 },
    { prompt: "b", width: 64, height: 64, seed: 42 },
  ]);
});

test("a string for prompts becomes one prompt a letter", () => {
  expect(requests({ prompts: "cat" }).map(({ prompt }) => prompt)).toEqual(["c", "a", "t"]);
});

test("a string among samples, and a word for a width, are errors", () => {
  expect(() => sampleBlock({ samples: ["a cat"] })).toThrow("argument after ** must be a mapping, not str");
  expect(() => requests({ prompts: ["a cat --w wide"] })).toThrow(
    "invalid literal for int() with base 10: 'wide'",
  );
});

test("without a negative prompt that is a text there are no samples, but an error", () => {
  for (const neg of [false, null, 5]) {
    expect(() => requests({ prompts: ["a cat"], neg })).toThrow("text input must be of type `str`");
  }
  expect(() => requests({ samples: [{ prompt: "a cat", neg: false }] })).toThrow("text input must be");
  expect(requests({ prompts: ["a cat --n ugly"], neg: false })).toHaveLength(1);
});

test.each(["jpg", "png", "webp"])(
  "a %s sample and its thumbnail can be decoded; nothing stays in .tmp",
  async (extension) => {
    const folder = mkdtempSync(join(tmpdir(), "samples-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const request = { prompt: "a cat", width: 128, height: 64, seed: 1 };
    await writeSample({ folder, step: 250, index: 10, extension, request, clarity: 0.5 });
    const samples = join(folder, "samples");
    const [file = ""] = readdirSync(samples).filter((name) => !name.startsWith("."));
    expect(file).toMatch(new RegExp(`^\\d{13}__000000250_10\\.${extension}$`));
    expect(readdirSync(join(samples, ".tmp"))).toEqual([]);
    expect(readdirSync(join(samples, ".thumbs"))).toEqual([`${file}.jpg`]);
    const sizeOf = async (path: string) => {
      const { info } = await sharp(path).raw().toBuffer({ resolveWithObject: true });
      return [info.width, info.height];
    };
    expect(await sizeOf(join(samples, file))).toEqual([128, 64]);
    expect(await sizeOf(join(samples, ".thumbs", `${file}.jpg`))).toEqual([300, 300]);
  },
);

test("a picture belongs to its prompt and seed, and clears up", () => {
  const scene = { prompt: "a cat", seed: 1, clarity: 1, width: 64, height: 64 };
  expect(drawScene(scene)).toEqual(drawScene(scene));
  expect(drawScene(scene)).not.toEqual(drawScene({ ...scene, prompt: "a dog" }));
  const { data: clear } = drawScene(scene);
  const distance = (clarity: number) =>
    drawScene({ ...scene, clarity }).data.reduce(
      (sum, value, index) => sum + Math.abs(value - (clear[index] ?? 0)),
      0,
    );
  expect(distance(0.2)).toBeGreaterThan(distance(0.6));
  expect(distance(0.6)).toBeGreaterThan(distance(0.9));
});
