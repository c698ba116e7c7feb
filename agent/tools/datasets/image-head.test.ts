import sharp, { type Sharp } from "sharp";
import { expect, test } from "vitest";
import { imageHead } from "./image-head.ts";

const headOf = (bytes: Buffer) =>
  imageHead((position, length) => bytes.subarray(position, position + length));

const gray = (depth: "uchar" | "ushort") =>
  sharp(Buffer.alloc(30 * 20), { raw: { width: 30, height: 20, channels: 1 } }).toColourspace(
    depth === "ushort" ? "grey16" : "b-w",
  );
const picture = (channels: 3 | 4 = 3) =>
  sharp({ create: { width: 300, height: 70, channels, background: { r: 200, g: 100, b: 0, alpha: 0.5 } } });
const turned = (orientation: number) => (image: Sharp) => image.withMetadata({ orientation });
const animated = () =>
  sharp(Buffer.alloc(16 * 48 * 3, 9), { raw: { width: 16, height: 48, channels: 3, pageHeight: 16 } });

test.each<[string, () => Sharp]>([
  ["JPEG", () => picture().jpeg()],
  ["progressive JPEG", () => picture().jpeg({ progressive: true })],
  [
    "JPEG behind much else",
    () =>
      picture()
        .withExif({ IFD0: { Copyright: "x".repeat(60_000) } })
        .jpeg(),
  ],
  ["JPEG with a profile", () => picture().withIccProfile("p3").jpeg()],
  ...[1, 2, 3, 6, 8].map((n): [string, () => Sharp] => [`JPEG, ${n}`, () => turned(n)(picture()).jpeg()]),
  ["PNG", () => picture().png()],
  ["PNG with a palette", () => picture().png({ palette: true })],
  ["transparent PNG", () => picture(4).png()],
  ["turned PNG", () => turned(6)(picture()).png()],
  ["gray PNG", () => gray("uchar").png()],
  ["16-bit gray PNG", () => gray("ushort").png()],
  ["16-bit colour PNG", () => picture().toColourspace("rgb16").png()],
  ["WebP", () => picture().webp()],
  ["lossless WebP", () => picture().webp({ lossless: true })],
  ["transparent WebP", () => picture(4).webp()],
  ["turned WebP", () => turned(8)(picture()).webp()],
  ["animated WebP", () => animated().webp()],
])("a %s says by its head what the image library says", async (_what, make) => {
  const bytes = await make().toBuffer();
  const { width, height, orientation = 1, pages = 1, depth, channels } = await sharp(bytes).metadata();
  expect(headOf(bytes)).toEqual({
    width,
    height,
    orientation,
    animated: pages > 1,
    gray16: depth === "ushort" && channels === 1,
  });
});

test("what ends inside its head says nothing, wherever it is cut, and so does anything else", async () => {
  for (const make of [
    () => turned(6)(picture()).jpeg(),
    () => turned(6)(picture()).png(),
    () => picture().webp(),
  ]) {
    const bytes = await make().toBuffer();
    const known = headOf(bytes);
    for (let length = 0; length < bytes.length; length++)
      expect([undefined, known]).toContainEqual(headOf(bytes.subarray(0, length)));
  }
  for (const other of [
    "",
    "GIF89a",
    "RIFF\0\0\0\0WAVEfmt ",
    "<svg/>",
    "\xff\xd8\xff\xe1",
    "\xff\xd8".repeat(50),
  ])
    expect(headOf(Buffer.from(other, "latin1"))).toBeUndefined();
});

test("EXIF data that lead nowhere turn nothing", async () => {
  const bytes = await turned(6)(picture()).jpeg().toBuffer();
  const tiff = bytes.indexOf("Exif") + 6;
  for (let at = tiff; at < tiff + 40; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at] = 0xff;
    expect(headOf(damaged)).toMatchObject({ width: 300, height: 70 });
  }
});
