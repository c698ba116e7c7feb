import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { checkImage, isImageName, sniffFormat, stemOf } from "./images.ts";

/** Noise does not compress, so a cut always takes pixels away. */
const noise = () => sharp(randomBytes(64 * 48 * 3), { raw: { width: 64, height: 48, channels: 3 } });
const encoded = {
  jpeg: () => noise().jpeg().toBuffer(),
  progressive: () => noise().jpeg({ progressive: true }).toBuffer(),
  png: () => noise().png().toBuffer(),
  webp: () => noise().webp().toBuffer(),
  gif: () => noise().gif().toBuffer(),
  tiff: () => noise().tiff().toBuffer(),
  avif: () => noise().avif({ effort: 0 }).toBuffer(),
};

test.each([
  ["a.png", true],
  ["A.JPG", true],
  ["a.b.jpeg", true],
  ["a.WebP", true],
  ["a.gif", false],
  ["a.txt", false],
  ["png", false],
  [".png", false],
])("%s is an image by its name: %s", (name, expected) => {
  expect(isImageName(name)).toBe(expected);
});

test("the stem is the name without its last extension", () => {
  expect(stemOf("a.b.png")).toBe("a.b");
});

describe("what is accepted", () => {
  test.each([
    ["jpeg", "a.jpg"],
    ["jpeg", "a.JPEG"],
    ["progressive", "a.jpeg"],
    ["png", "a.png"],
    ["webp", "a.webp"],
  ] as const)("a %s named %s", async (kind, name) => {
    await expect(checkImage(await encoded[kind](), name)).resolves.toBeUndefined();
  });

  test("an animated WebP, of which the trainer reads the first frame", async () => {
    const frames = sharp(randomBytes(16 * 32 * 3), {
      raw: { width: 16, height: 32, channels: 3, pageHeight: 16 },
    });
    const animated = await frames.webp({ loop: 0 }).toBuffer();
    expect((await sharp(animated).metadata()).pages).toBe(2);
    await expect(checkImage(animated, "a.webp")).resolves.toBeUndefined();
  });
});

describe("what is refused", () => {
  test("an extension that lies, with the name to use instead", async () => {
    await expect(checkImage(await encoded.jpeg(), "x.y.png")).rejects.toThrow(
      "is a JPEG image: name it x.y.jpg",
    );
    await expect(checkImage(await encoded.webp(), "x.jpg")).rejects.toThrow(
      "is a WebP image: name it x.webp",
    );
    await expect(checkImage(await encoded.png(), "x.webp")).rejects.toThrow("is a PNG image: name it x.png");
  });

  test.each([
    ["gif", "GIF"],
    ["tiff", "TIFF"],
    ["avif", "AVIF"],
  ] as const)("a %s, which the trainer does not read", async (kind, name) => {
    await expect(checkImage(await encoded[kind](), "x.png")).rejects.toThrow(
      `is a ${name} image; send it as JPEG`,
    );
  });

  test.each(["", "hello", "<svg xmlns='http://www.w3.org/2000/svg'/>", "%PDF-1.7"])(
    "%j, no image at all",
    async (text) => {
      await expect(checkImage(Buffer.from(text), "x.png")).rejects.toThrow("not an image");
    },
  );

  test.each(["jpeg", "progressive", "png", "webp"] as const)("a %s that was cut off", async (kind) => {
    const whole = await encoded[kind]();
    const name = kind === "png" ? "x.png" : kind === "webp" ? "x.webp" : "x.jpg";
    for (const bytes of [whole.length - 100, Math.floor(whole.length / 2), 20]) {
      await expect(checkImage(whole.subarray(0, bytes), name)).rejects.toThrow("The image is damaged");
    }
  });

  test("a small file that unpacks to a gigantic image", async () => {
    const bomb = await encoded.png();
    bomb.writeUInt32BE(12_000, 16); // IHDR: width, height, five more bytes, CRC
    bomb.writeUInt32BE(9_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    await expect(checkImage(bomb, "x.png")).rejects.toThrow("more than 100 megapixels");
  });
});

test("formats are told by their first bytes", () => {
  expect(sniffFormat(Buffer.from("BM......"))).toBe("BMP");
  expect(sniffFormat(Buffer.from("....ftypheic"))).toBe("HEIC");
  expect(sniffFormat(new Uint8Array())).toBeUndefined();
});
