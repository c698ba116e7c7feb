import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterEach, beforeEach, expect, test } from "vitest";
import { imageSize } from "./image-size.ts";
import { openTheatre, type Theatre } from "./theatre.ts";

let theatre: Theatre;
beforeEach(() => {
  theatre = openTheatre();
});
afterEach(() => theatre.clear());

const play = async (dataset: Readonly<Record<string, unknown>> = {}) => {
  const datasets = [{ folder_path: theatre.dataset, num_workers: 0, ...dataset }];
  const run = theatre.start([theatre.config({ datasets, train: { steps: 1 } })]);
  return { ...(await run.ended), log: run.log() };
};

test("walks folders within, and leaves out what is hidden, controls and other kinds of file", async () => {
  const image = join(theatre.dataset, "img1.jpg");
  for (const folder of ["nested", ".hidden", "_controls"]) {
    mkdirSync(join(theatre.dataset, folder));
    copyFileSync(image, join(theatre.dataset, folder, "x.JPG"));
  }
  for (const name of [".dot.jpg", "x.gif", "x.avif"]) copyFileSync(image, join(theatre.dataset, name));
  expect((await play()).log).toContain("  -  Found 5 images\n");
});

test("takes a JSON list of files for a folder", async () => {
  const list = join(theatre.folder, "list.json");
  writeFileSync(list, JSON.stringify({ [join(theatre.dataset, "img2.png")]: { caption: "a dog" } }));
  const { code, log } = await play({ folder_path: list });
  expect(code).toBe(0);
  expect(log).toContain("  -  Found 1 images\n");
});

test("a broken image is reported and skipped", async () => {
  writeFileSync(join(theatre.dataset, "broken.png"), "no image");
  const { code, log } = await play();
  expect(code).toBe(0);
  expect(log).toContain(`Error processing image: ${join(theatre.dataset, "broken.png")}\n`);
  expect(log).toContain("  -  Found 4 images\n");
});

test("a caption that is not UTF-8 ends the job", async () => {
  writeFileSync(join(theatre.dataset, "img1.txt"), Buffer.from("caf\xe9", "latin1"));
  const { code, log } = await play();
  expect(code).toBe(1);
  expect(log).toMatch(/UnicodeDecodeError: 'utf-8' codec can't decode/);
});

test("remembers sizes with the file's own size and time", async () => {
  await play();
  const sizes = JSON.parse(readFileSync(join(theatre.dataset, ".aitk_size.json"), "utf8"));
  expect(sizes).toMatchObject({
    __version__: "0.1.2",
    "/img1.jpg": [128, 128, expect.stringMatching(/^2129:\d{10}$/)],
    "/img2.png": [160, 96, expect.stringMatching(/^655:\d{10}$/)],
  });
});

test.each<[string, 3 | 4, (image: Sharp) => Sharp]>([
  ["JPEG", 3, (image) => image.jpeg()],
  ["progressive JPEG", 3, (image) => image.jpeg({ progressive: true })],
  ["PNG", 4, (image) => image.png()],
  ["WebP", 3, (image) => image.webp()],
  ["lossless WebP", 3, (image) => image.webp({ lossless: true })],
  ["transparent WebP", 4, (image) => image.webp()],
])("reads the size of a %s from its header", async (_, channels, encode) => {
  const path = join(theatre.folder, "image");
  const background = { r: 200, g: 100, b: 0, alpha: 0.5 };
  const image = sharp({ create: { width: 301, height: 77, channels, background } });
  for (const variant of [image, image.clone().withExif({ IFD0: { Copyright: "x".repeat(3000) } })]) {
    await encode(variant).toFile(path);
    expect(imageSize(path)).toEqual({ width: 301, height: 77 });
  }
});

test("finds a JPEG's frame behind tables and padding", () => {
  const path = join(theatre.folder, "image");
  writeFileSync(
    path,
    Buffer.from("ffd8 ffc4 0004 0000 ff ffc0 0011 08 004d 012d 03".replaceAll(" ", ""), "hex"),
  );
  expect(imageSize(path)).toEqual({ width: 301, height: 77 });
});

test.each(["", "\xff\xd8", "\x89PNG\r\n\x1a\n", "RIFF....WEBPVP8 "])("has no size for %j", (bytes) => {
  const path = join(theatre.folder, "image");
  writeFileSync(path, Buffer.from(bytes, "latin1"));
  expect(() => imageSize(path)).toThrow("cannot identify image file");
});
