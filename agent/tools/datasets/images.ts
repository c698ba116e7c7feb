// Which images ai-toolkit can train on, and the proof that some bytes are one.
import { extname } from "node:path";
import { invalid } from "../../../shared/errors.ts";
import { onPicture } from "../../pictures/on-picture.ts";

/** What the loader looks for, in any case (toolkit/data_loader.py, `image_extensions`). */
export const IMAGE_EXTENSIONS = [".jpg", ".jpeg", ".png", ".webp"] as const;

/** Far above any training resolution; a progressive JPEG of this size takes about 600 MB while it is decoded. */
const MAX_MEGAPIXELS = 100;

type Format = "JPEG" | "PNG" | "WebP";
const EXTENSIONS: Record<Format, readonly [string, ...string[]]> = {
  JPEG: [".jpg", ".jpeg"],
  PNG: [".png"],
  WebP: [".webp"],
};

export function isImageName(name: string): boolean {
  return IMAGE_EXTENSIONS.some(
    (extension) => name.length > extension.length && name.toLowerCase().endsWith(extension),
  );
}

/** File name without its last extension; the caption of `<stem>.png` is `<stem>.txt`. */
export function stemOf(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

/** What the first bytes say: a format that can be trained on, the name of another image format, or nothing. */
export function sniffFormat(
  bytes: Uint8Array,
): Format | "GIF" | "BMP" | "TIFF" | "HEIC" | "AVIF" | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 16)).toString("latin1");
  if (head.startsWith("\xff\xd8\xff")) return "JPEG";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "PNG";
  if (head.startsWith("RIFF") && head.startsWith("WEBP", 8)) return "WebP";
  if (head.startsWith("GIF8")) return "GIF";
  if (head.startsWith("BM")) return "BMP";
  if (head.startsWith("II*\0") || head.startsWith("MM\0*")) return "TIFF";
  if (head.startsWith("ftyp", 4)) return head.startsWith("avi", 8) ? "AVIF" : "HEIC";
  return undefined;
}

/**
 * Makes sure that what begins with these bytes is an image that ai-toolkit would try to read under this name: known type,
 * fitting extension. Sixteen bytes are enough.
 * @throws ToolError invalid_input with the reason and, where there is one, the way out
 */
export function checkFormat(bytes: Uint8Array, name: string): void {
  const format = sniffFormat(bytes);
  if (!format) throw invalid("The data is not an image");
  if (!(format in EXTENSIONS)) throw invalid(`The data is a ${format} image; send it as JPEG, PNG or WebP`);
  // `in` proved it.
  const extensions = EXTENSIONS[format as Format];
  if (!extensions.includes(extname(name).toLowerCase())) {
    throw invalid(`The data is a ${format} image: name it ${stemOf(name)}${extensions[0]}`);
  }
}

/** As checkFormat, and that it decodes to the last line. @throws ToolError invalid_input, likewise */
export async function checkImage(bytes: Uint8Array, name: string): Promise<void> {
  checkFormat(bytes, name);
  const sharp = await loadSharp();
  const image = sharp(bytes, {
    failOn: "error",
    limitInputPixels: MAX_MEGAPIXELS * 1e6,
    sequentialRead: true,
  });
  try {
    // Shrinking needs every pixel and keeps few of them.
    await onPicture(() => image.resize(8, 8, { fit: "fill" }).raw().toBuffer());
  } catch (error) {
    const [why] = error instanceof Error ? error.message.split("\n") : [];
    throw why?.includes("exceeds pixel limit")
      ? invalid(`The image has more than ${MAX_MEGAPIXELS} megapixels; scale it down`)
      : invalid(`The image is damaged (${why ?? "it does not decode"}); export it again`);
  }
}

/** Loaded when the first image comes: its libraries would double the start time and the idle memory of the agent. */
export async function loadSharp() {
  const { default: sharp } = await import("sharp");
  sharp.cache(false); // nothing is read twice
  return sharp;
}
