// Sizes of videos from the beginning of their files: Matroska and WebM (RFC 9559), AVI.
import type { VideoFacts } from "./facts.ts";

const UNKNOWN: VideoFacts = { is: "video", width: null, height: null, frames: null };

const SEGMENT = 0x18538067;
const TRACKS = 0x1654ae6b;
const TRACK = 0xae;
const VIDEO = 0xe0;
const WIDTH = 0xb0;
const HEIGHT = 0xba;
/** Elements whose content is elements. */
const PARENTS: ReadonlySet<number> = new Set([SEGMENT, TRACKS, TRACK, VIDEO]);

/** The first video track's size; unknown when the tracks are told of further on. Frames are not counted in this format. */
export function readMatroska(head: Buffer): VideoFacts {
  let width: number | null = null;
  let height: number | null = null;
  for (let at = 0; at < head.length; ) {
    const id = vint(head, at, true);
    const size = id && vint(head, at + id.length, false);
    if (!size) break;
    const start = at + id.length + size.length;
    if (PARENTS.has(id.value)) {
      at = start;
      continue;
    }
    const value = id.value === WIDTH || id.value === HEIGHT ? unsigned(head, start, size.value) : null;
    if (id.value === WIDTH) width ??= value;
    if (id.value === HEIGHT) height ??= value;
    if (width !== null && height !== null) return { is: "video", width, height, frames: null };
    at = start + size.value;
  }
  return UNKNOWN;
}

/** A number of one to eight bytes that begins with its own length; an id keeps the mark of that. */
function vint(
  bytes: Buffer,
  at: number,
  keepMark: boolean,
): { readonly value: number; readonly length: number } | undefined {
  const first = bytes[at];
  if (!first) return undefined;
  const length = Math.clz32(first) - 23;
  if (at + length > bytes.length) return undefined;
  let value = keepMark ? first : first & (0xff >> length);
  for (let index = 1; index < length; index++) value = value * 256 + (bytes[at + index] ?? 0);
  return { value, length };
}

function unsigned(bytes: Buffer, at: number, length: number): number | null {
  if (length < 1 || length > 4 || at + length > bytes.length) return null;
  return bytes.readUIntBE(at, length);
}

/** Width, height and frames are at fixed places of the main header. */
export function readAvi(head: Buffer): VideoFacts {
  const header = head.indexOf("avih");
  if (header < 0 || header + 48 > head.length) return UNKNOWN;
  const at = (offset: number) => head.readUInt32LE(header + 8 + offset);
  return { is: "video", width: at(32), height: at(36), frames: at(16) || null };
}
