// What the first bytes of a JPEG, PNG or WebP say of how it will be trained, without decoding it.

export interface ImageHead {
  /** As stored: not turned yet. */
  readonly width: number;
  readonly height: number;
  /** EXIF's number for how it is to be turned: 1 is upright, from 5 on width and height change places. */
  readonly orientation: number;
  readonly animated: boolean;
  /** 16 bits of gray. */
  readonly gray16: boolean;
}

/** Bytes from a position; fewer where they end. */
export type ReadAt = (position: number, length: number) => Buffer;

/** undefined: it is none of the three, or ends before all is said. */
export function imageHead(read: ReadAt): ImageHead | undefined {
  try {
    const head = read(0, 33);
    const found =
      head.readUInt16BE(0) === 0xffd8 ? jpegHead(read) : (pngHead(head, read) ?? webpHead(head, read));
    return found && found.width > 0 && found.height > 0 ? found : undefined;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return undefined;
  }
}

const PLAIN = { orientation: 1, animated: false, gray16: false };

/** Walks the segments to the frame header; an embedded preview may put it far from the start. */
function jpegHead(read: ReadAt): ImageHead | undefined {
  let { orientation } = PLAIN;
  let position = 2;
  for (;;) {
    const segment = read(position, 10);
    const marker = segment.readUInt16BE(0);
    if (marker < 0xff01) return undefined;
    const isFrame = marker >= 0xffc0 && marker <= 0xffcf && ![0xffc4, 0xffc8, 0xffcc].includes(marker);
    if (isFrame)
      return { ...PLAIN, orientation, width: segment.readUInt16BE(7), height: segment.readUInt16BE(5) };
    if (marker === 0xffff) {
      position += 1; // repeated as padding
      continue;
    }
    const length = segment.readUInt16BE(2);
    if (marker === 0xffe1 && segment.toString("latin1", 4, 8) === "Exif")
      orientation = orientationIn(whole(read, position + 10, length - 8));
    position += 2 + length;
  }
}

function pngHead(head: Buffer, read: ReadAt): ImageHead | undefined {
  if (head.toString("latin1", 0, 8) !== "\x89PNG\r\n\x1a\n") return undefined;
  const [depth, colours] = [head.readUInt8(24), head.readUInt8(25)];
  let { orientation } = PLAIN;
  let position = 33;
  for (;;) {
    const chunk = read(position, 8);
    const [length, kind] = [chunk.readUInt32BE(0), chunk.toString("latin1", 4, 8)];
    if (kind === "eXIf") orientation = orientationIn(whole(read, position + 8, length));
    if (kind === "IDAT" || kind === "IEND") break;
    position += 12 + length;
  }
  return {
    ...PLAIN,
    width: head.readUInt32BE(16),
    height: head.readUInt32BE(20),
    orientation,
    gray16: depth === 16 && colours === 0,
  };
}

const HAS_EXIF = 0x08;
const IS_ANIMATED = 0x02;

function webpHead(head: Buffer, read: ReadAt): ImageHead | undefined {
  if (head.toString("latin1", 0, 4) !== "RIFF" || head.toString("latin1", 8, 12) !== "WEBP") return undefined;
  switch (head.toString("latin1", 12, 16)) {
    case "VP8 ":
      return {
        ...PLAIN,
        width: head.readUInt16LE(26) & 0x3fff,
        height: head.readUInt16LE(28) & 0x3fff,
      };
    case "VP8L": {
      const bits = head.readUInt32LE(21);
      return { ...PLAIN, width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
    }
    case "VP8X": {
      const flags = head.readUInt8(20);
      return {
        ...PLAIN,
        width: head.readUIntLE(24, 3) + 1,
        height: head.readUIntLE(27, 3) + 1,
        orientation: flags & HAS_EXIF ? orientationIn(webpExif(read)) : PLAIN.orientation,
        animated: (flags & IS_ANIMATED) !== 0,
      };
    }
    default:
      return undefined;
  }
}

/** It comes after all pictures. */
function webpExif(read: ReadAt): Buffer {
  let position = 12;
  for (;;) {
    const chunk = read(position, 14);
    const length = chunk.readUInt32LE(4);
    if (chunk.toString("latin1", 0, 4) === "EXIF") {
      const marked = chunk.toString("latin1", 8, 12) === "Exif" ? 6 : 0;
      return whole(read, position + 8 + marked, length - marked);
    }
    position += 8 + length + (length % 2);
  }
}

const ORIENTATION = 0x0112;

/** Of the first directory of EXIF data, which are a TIFF file. */
function orientationIn(tiff: Buffer): number {
  try {
    const isLittle = tiff.toString("latin1", 0, 2) === "II";
    const u16 = (at: number) => (isLittle ? tiff.readUInt16LE(at) : tiff.readUInt16BE(at));
    const directory = isLittle ? tiff.readUInt32LE(4) : tiff.readUInt32BE(4);
    for (let entry = 0; entry < u16(directory); entry++) {
      const at = directory + 2 + entry * 12;
      if (u16(at) === ORIENTATION) return u16(at + 8);
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // damaged: nobody turns it
  }
  return PLAIN.orientation;
}

/** @throws RangeError when there is less of it */
function whole(read: ReadAt, position: number, length: number): Buffer {
  const bytes = read(position, length);
  if (bytes.length < length) throw new RangeError("it ends inside its head");
  return bytes;
}
