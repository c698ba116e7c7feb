import { randomBytes } from "node:crypto";
import { copyFile, mkdtemp, open, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp, { type Sharp } from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { MediaKind } from "../media.ts";
import type { Facts, ImageFacts } from "./facts.ts";
import { factsOf } from "./media-facts.ts";
import { alike } from "./near-duplicates.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "facts-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function look(path: string, kind: MediaKind): Promise<Facts> {
  const handle = await open(path);
  try {
    return await factsOf(handle, kind, path);
  } finally {
    await handle.close();
  }
}

async function lookAtImage(content: Buffer | Sharp): Promise<Facts> {
  const path = join(folder, "image");
  await writeFile(path, Buffer.isBuffer(content) ? content : await content.toBuffer());
  return await look(path, "image");
}

const noise = (width: number, height: number, channels: 3 | 4 = 3) =>
  sharp(randomBytes(width * height * channels), { raw: { width, height, channels } });
const plain = { transparent: false, gray16: false, turned: false, animated: false };

describe("an image", () => {
  test.each<[string, (image: Sharp) => Sharp]>([
    ["JPEG", (image) => image.jpeg()],
    ["progressive JPEG", (image) => image.jpeg({ progressive: true })],
    ["PNG", (image) => image.png()],
    ["WebP", (image) => image.webp()],
  ])("%s", async (_, encode) => {
    expect(await lookAtImage(encode(noise(301, 77)))).toEqual({
      is: "image",
      width: 301,
      height: 77,
      ...plain,
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      look: expect.stringMatching(/^[0-9a-f]{22}$/),
    });
  });

  test("that lies on its side has the size it is seen in", async () => {
    for (const [orientation, size] of [
      [6, { width: 77, height: 301 }],
      [3, { width: 301, height: 77 }],
    ] as const) {
      for (const encode of [(image: Sharp) => image.jpeg(), (image: Sharp) => image.png()]) {
        const image = encode(noise(301, 77).withMetadata({ orientation }));
        expect(await lookAtImage(image)).toMatchObject({ ...size, turned: true });
      }
    }
  });

  test("with a hole in it", async () => {
    const opaque = sharp({ create: { width: 900, height: 600, channels: 4, background: "#ff0000ff" } });
    expect(await lookAtImage(opaque.clone().png())).toMatchObject({ ...plain, transparent: false });
    const hole = { create: { width: 12, height: 12, channels: 4 as const, background: "#00000000" } };
    const holed = opaque.composite([{ input: hole, left: 401, top: 303, blend: "source" }]);
    for (const encode of [
      (image: Sharp) => image.png(),
      (image: Sharp) => image.png({ palette: true }),
      (image: Sharp) => image.webp({ lossless: true }),
    ]) {
      expect(await lookAtImage(encode(holed.clone()))).toMatchObject({ transparent: true });
    }
  });

  test("of 16-bit gray", async () => {
    const gray = sharp({ create: { width: 60, height: 40, channels: 3, background: "gray" } });
    expect(await lookAtImage(gray.clone().toColourspace("grey16").png())).toMatchObject({ gray16: true });
    expect(await lookAtImage(gray.clone().toColourspace("b-w").png())).toMatchObject({ gray16: false });
    expect(await lookAtImage(gray.clone().toColourspace("rgb16").png())).toMatchObject({ gray16: false });
  });

  test("that moves", async () => {
    const frames = sharp(randomBytes(60 * 120 * 3), {
      raw: { width: 60, height: 120, channels: 3, pageHeight: 40 },
    });
    expect(await lookAtImage(frames.webp({ loop: 0 }))).toMatchObject({
      width: 60,
      height: 40,
      animated: true,
    });
  });

  test.each<[string, (image: Sharp) => Sharp]>([
    ["JPEG", (image) => image.jpeg()],
    ["PNG", (image) => image.png()],
    ["WebP", (image) => image.webp()],
  ])("that was cut off: %s", async (_, encode) => {
    const bytes = await encode(noise(301, 277)).toBuffer();
    expect(await lookAtImage(bytes.subarray(0, bytes.length * 0.6))).toEqual({
      is: "broken",
      why: expect.any(String),
    });
  });

  test.each<[string, Buffer, Facts]>([
    ["nothing", Buffer.alloc(0), { is: "broken", why: "the file is empty" }],
    ["text", Buffer.from("<svg></svg>"), { is: "broken", why: "not an image" }],
    ["a BMP", Buffer.from("BM0123456789"), { is: "unsupported", why: "BMP data" }],
    ["a HEIC", Buffer.from("\0\0\0\x18ftypheic"), { is: "unsupported", why: "HEIC data" }],
  ])("that is %s", async (_, bytes, facts) => {
    expect(await lookAtImage(bytes)).toEqual(facts);
  });

  test("that would fill the memory", async () => {
    const image = sharp({ create: { width: 12_000, height: 9_000, channels: 3, background: "red" } });
    expect(await lookAtImage(image.png())).toEqual({ is: "too_large", why: "more than 100 megapixels" });
  });

  test("has the look of the same picture in another size and format, and not of another one", async () => {
    const drawing = Buffer.from(
      '<svg width="640" height="480"><rect width="640" height="480" fill="navy"/><circle cx="200" cy="240" r="150" fill="orange"/><path d="M400 50L600 400L350 430Z" fill="white"/></svg>',
    );
    const [one, other] = [
      await lookAtImage(sharp(drawing).png()),
      await lookAtImage(sharp(drawing).resize(400).jpeg({ quality: 70 })),
    ] as ImageFacts[];
    const flopped = (await lookAtImage(sharp(drawing).flop().png())) as ImageFacts;
    const pictures = Object.entries({ one, other, flopped }).map(([path, facts]) => ({
      path,
      look: facts?.look ?? "",
    }));
    expect(await alike(pictures, new AbortController().signal)).toEqual([["one", "other"]]);
    expect(one?.sha256).not.toBe(other?.sha256);
  });
});

/** Recorded from ffmpeg; sizes and frames are what OpenCV, the trainer's reader, says of them. */
const fixture = (name: string) => join(import.meta.dirname, "fixtures", name);

describe("a video", () => {
  test.each([
    ["plain.mp4", { width: 96, height: 64, frames: 12 }],
    ["index-first.mov", { width: 96, height: 64, frames: 12 }],
    ["turned.mp4", { width: 64, height: 96, frames: 12 }],
    ["fragmented.m4v", { width: 96, height: 64, frames: null }],
    ["plain.mkv", { width: 96, height: 64, frames: null }],
    ["plain.webm", { width: 96, height: 64, frames: null }],
    ["plain.avi", { width: 96, height: 64, frames: 12 }],
    ["plain.wmv", { width: null, height: null, frames: null }],
    ["plain.flv", { width: null, height: null, frames: null }],
  ])("%s", async (name, figures) => {
    expect(await look(fixture(name), "video")).toEqual({ is: "video", ...figures });
  });

  test.each([
    ["index-first.mov", "cut off"],
    ["plain.mp4", "cut off"],
    ["tone.m4a", "no video track"],
    ["tone.wav", "not a video"],
  ])("that is none, or not whole: %s", async (name, why) => {
    const path = join(folder, name);
    await copyFile(fixture(name), path);
    if (why === "cut off") await truncate(path, 5_000);
    expect(await look(path, "video")).toEqual({ is: "broken", why: expect.stringContaining(why) });
  });

  test("made of garbage is read to an end", async () => {
    const path = join(folder, "garbage.mp4");
    const whole = await readFile(fixture("index-first.mov"));
    for (let seed = 0; seed < 200; seed++) {
      const bytes = Buffer.from(whole);
      for (let n = 0; n < 20; n++) bytes[(seed * 7919 + n * 104_729) % 1_000] = (seed * 31 + n * 17) % 256;
      await writeFile(path, bytes);
      expect((await look(path, "video")).is).toMatch(/video|broken/);
    }
  });
});

test.each(["mp3", "wav", "flac", "aac", "ogg", "m4a"])("a sound of the format %s", async (extension) => {
  expect(await look(fixture(`tone.${extension}`), "audio")).toEqual({ is: "audio" });
});

test("a text is no sound", async () => {
  await writeFile(join(folder, "sound.mp3"), "no sound");
  expect(await look(join(folder, "sound.mp3"), "audio")).toEqual({ is: "broken", why: "not a sound file" });
});
