// Width and height from an image's first bytes, so that a dataset can be scanned without loading an image library.
import { closeSync, openSync, readSync } from "node:fs";
import { PythonError } from "./python.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** @throws PythonError when it is no JPEG, PNG or WebP */
export function imageSize(path: string): Size {
  const fd = openSync(path, "r");
  try {
    const read = (position: number, length: number) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
    };
    const head = read(0, 30);
    const size =
      pngSize(head) ?? webpSize(head) ?? (head.readUInt16BE(0) === 0xffd8 ? jpegSize(read) : undefined);
    if (size !== undefined && size.width > 0 && size.height > 0) return size;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // the file ends inside its own header
  } finally {
    closeSync(fd);
  }
  throw new PythonError("PIL.UnidentifiedImageError", `cannot identify image file '${path}'`);
}

function pngSize(head: Buffer): Size | undefined {
  if (head.toString("latin1", 0, 8) !== "\x89PNG\r\n\x1a\n") return undefined;
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20) };
}

function webpSize(head: Buffer): Size | undefined {
  if (head.toString("latin1", 0, 4) !== "RIFF" || head.toString("latin1", 8, 12) !== "WEBP") return undefined;
  switch (head.toString("latin1", 12, 16)) {
    case "VP8 ":
      return {
        width: head.readUInt16LE(26) & 0x3fff,
        height: head.readUInt16LE(28) & 0x3fff,
      };
    case "VP8L": {
      const bits = head.readUInt32LE(21);
      return {
        width: (bits & 0x3fff) + 1,
        height: ((bits >>> 14) & 0x3fff) + 1,
      };
    }
    case "VP8X":
      return {
        width: head.readUIntLE(24, 3) + 1,
        height: head.readUIntLE(27, 3) + 1,
      };
    default:
      return undefined;
  }
}

/** Walks the segments to the frame header; an embedded preview may put it far from the start. */
function jpegSize(read: (position: number, length: number) => Buffer): Size | undefined {
  let position = 2;
  for (;;) {
    const segment = read(position, 9);
    const marker = segment.readUInt16BE(0);
    if (marker < 0xff01) return undefined;
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame)
      return {
        width: segment.readUInt16BE(7),
        height: segment.readUInt16BE(5),
      };
    position += marker === 0xffff ? 1 : 2 + segment.readUInt16BE(2); // 0xff may be repeated as padding
  }
}
