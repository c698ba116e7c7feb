// What can be told from one file by itself, and is worth keeping until the file changes.
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { loadSharp, sniffFormat } from "../images.ts";
import type { MediaKind } from "../media.ts";
import type { Facts } from "./facts.ts";
import { readIsoMedia } from "./iso-media.ts";
import { readAvi, readMatroska } from "./matroska.ts";
import { LOOK_HEIGHT, LOOK_WIDTH, lookOf } from "./picture-look.ts";

/** Above this a picture is not decoded: far more than any training resolution, and a moderate amount of memory. */
const MAX_MEGAPIXELS = 100;
const MAX_IMAGE_BYTES = 512 * 1024 * 1024;
/** A picture of 100 megapixels takes about three seconds. */
const DECODE_TIMEOUT_S = 20;
/** Side of what transparency is looked for in; a hole of a five-hundredth of such a pixel still shows. */
const ALPHA_SIDE = 64;

/** Looks at an open file; `path` leads to it as well. @throws the file system's errors */
export async function factsOf(handle: FileHandle, kind: MediaKind, path: string): Promise<Facts> {
  const { size } = await handle.stat();
  if (size === 0) return { is: "broken", why: "the file is empty" };
  if (kind === "image") return await imageFacts(handle, path, size);
  return kind === "video" ? await videoFacts(handle, size) : await audioFacts(handle);
}

async function imageFacts(handle: FileHandle, path: string, size: number): Promise<Facts> {
  const format = sniffFormat(await readAt(handle, 0, 16));
  if (!format) return { is: "broken", why: "not an image" };
  if (format !== "JPEG" && format !== "PNG" && format !== "WebP")
    return { is: "unsupported", why: `${format} data` };
  if (size > MAX_IMAGE_BYTES) return { is: "too_large", why: `more than ${MAX_IMAGE_BYTES / 1024 ** 2} MB` };
  const sharp = await loadSharp();
  const open = () =>
    sharp(path, {
      failOn: "error",
      limitInputPixels: MAX_MEGAPIXELS * 1e6,
      sequentialRead: true,
    }).timeout({ seconds: DECODE_TIMEOUT_S });
  try {
    const image = open();
    const { width, height, orientation = 1, pages = 1, hasAlpha, depth, channels } = await image.metadata();
    // Shrinking needs every pixel and keeps few of them.
    const small = await image
      .resize(LOOK_WIDTH, LOOK_HEIGHT, { fit: "fill" })
      .removeAlpha()
      .toColourspace("srgb")
      .raw()
      .toBuffer();
    const turned = orientation >= 5;
    return {
      is: "image",
      ...(turned ? { width: height, height: width } : { width, height }),
      turned: orientation > 1,
      animated: pages > 1,
      transparent: hasAlpha && (await isTransparent(open())),
      gray16: depth === "ushort" && channels === 1,
      sha256: await hashOf(handle, size),
      look: lookOf(small),
    };
  } catch (error) {
    if (error instanceof Error && "syscall" in error) throw error;
    const why = reasonOf(error);
    if (why.includes("exceeds pixel limit"))
      return { is: "too_large", why: `more than ${MAX_MEGAPIXELS} megapixels` };
    if (why.startsWith("timeout"))
      return { is: "too_large", why: `it takes more than ${DECODE_TIMEOUT_S} s to decode` };
    return { is: "broken", why };
  }
}

/** Libvips keeps its reasons in one place for all threads: of two that fail together, one may have none. */
function reasonOf(error: unknown): string {
  const [reason] = error instanceof Error ? error.message.split("\n") : [];
  return !reason || reason === "Unknown error" ? "it does not decode" : reason;
}

async function isTransparent(image: import("sharp").Sharp): Promise<boolean> {
  const alpha = await image
    .ensureAlpha()
    .toColourspace("srgb")
    .extractChannel("alpha")
    .resize(ALPHA_SIDE, ALPHA_SIDE, { fit: "fill" })
    .raw()
    .toBuffer();
  return alpha.some((value) => value < 255);
}

/** Larger files are not read into memory as a whole. */
const HASHED_AT_ONCE_BYTES = 16 * 1024 * 1024;

async function hashOf(handle: FileHandle, size: number): Promise<string> {
  // Off this thread: the hash of many a picture takes as long as its decoding.
  if (size <= HASHED_AT_ONCE_BYTES)
    return Buffer.from(await crypto.subtle.digest("SHA-256", await wholeOf(handle, size))).toString("hex");
  const hash = createHash("sha256");
  for await (const chunk of handle.createReadStream({
    start: 0,
    autoClose: false,
    highWaterMark: 256 * 1024,
  }))
    hash.update(chunk as Buffer);
  return hash.digest("hex");
}

async function wholeOf(handle: FileHandle, size: number): Promise<Uint8Array<ArrayBuffer>> {
  const { buffer, bytesRead } = await handle.read(new Uint8Array(size), 0, size, 0);
  return buffer.subarray(0, bytesRead);
}

/** Up to `length` bytes from `position`; fewer at the end of the file. */
async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** Enough for what comes before the first pictures in Matroska and AVI. */
const VIDEO_HEAD_BYTES = 256 * 1024;
/** The header objects of ASF (wmv) and Flash video. */
const OTHER_VIDEOS = ["3026b2758e66cf11", "464c5601"];

async function videoFacts(handle: FileHandle, size: number): Promise<Facts> {
  const head = await readAt(handle, 0, VIDEO_HEAD_BYTES);
  if (head.toString("latin1", 4, 8) === "ftyp" || ISO_BOXES.includes(head.toString("latin1", 4, 8)))
    return await readIsoMedia((position, length) => readAt(handle, position, length), size);
  if (head.toString("hex", 0, 4) === "1a45dfa3") return readMatroska(head);
  if (head.toString("latin1", 0, 4) === "RIFF" && head.toString("latin1", 8, 12) === "AVI ")
    return readAvi(head);
  if (OTHER_VIDEOS.some((magic) => head.toString("hex", 0, 8).startsWith(magic)))
    return { is: "video", width: null, height: null, frames: null };
  return { is: "broken", why: "not a video" };
}

const ISO_BOXES = ["moov", "mdat", "free", "skip", "wide"];

const SOUNDS = [/^ID3/, /^RIFF....WAVE/s, /^fLaC/, /^OggS/, /^....ftyp/s, /^ADIF/, /^\xff[\xe2-\xff]/];

async function audioFacts(handle: FileHandle): Promise<Facts> {
  const head = (await readAt(handle, 0, 16)).toString("latin1");
  return SOUNDS.some((magic) => magic.test(head))
    ? { is: "audio" }
    : { is: "broken", why: "not a sound file" };
}
