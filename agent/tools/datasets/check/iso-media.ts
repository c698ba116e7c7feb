// Size and number of frames of mp4, mov and m4v files, from their boxes (ISO/IEC 14496-12). Reads headers only.
import type { ProblemFacts, VideoFacts } from "./facts.ts";

/** Up to `length` bytes from `position`. */
export type Read = (position: number, length: number) => Promise<Buffer>;

interface Box {
  readonly type: string;
  /** Where its content begins and ends in the file. */
  readonly start: number;
  readonly end: number;
}

/** No file has more boxes on one level in good faith. */
const BOXES_MAX = 10_000;
/** Entries of a table of frame durations read at most; with constant frame rate there is one. */
const TABLE_BYTES_MAX = 1024 * 1024;

export async function readIsoMedia(read: Read, size: number): Promise<VideoFacts | ProblemFacts> {
  const top = await boxesIn(read, 0, size);
  const cut = top.find(({ end }) => end > size);
  if (cut) return { is: "broken", why: `cut off: ${cut.end - size} bytes are missing` };
  const movie = top.find(({ type }) => type === "moov");
  if (!movie) return { is: "broken", why: "it has no index (moov), probably it was not finished" };
  for (const track of await childrenOf(read, movie, "trak")) {
    const video = await videoTrack(read, track);
    if (video) return video;
  }
  return { is: "broken", why: "it has no video track" };
}

async function videoTrack(read: Read, track: Box): Promise<VideoFacts | undefined> {
  const media = await childOf(read, track, "mdia");
  const handler = media && (await childOf(read, media, "hdlr"));
  if (!handler || (await text(read, handler.start + 8)) !== "vide") return undefined;
  const info = await childOf(read, media, "minf");
  const table = info && (await childOf(read, info, "stbl"));
  const description = table && (await childOf(read, table, "stsd"));
  if (!description) return undefined;
  // After version, flags and count comes the first entry; its sizes are 32 bytes into it.
  const sizes = await read(description.start + 8 + 32, 4);
  if (sizes.length < 4) return undefined;
  const [width, height] = [sizes.readUInt16BE(0), sizes.readUInt16BE(2)];
  const header = await childOf(read, track, "tkhd");
  const onItsSide = header !== undefined && (await isOnItsSide(read, header));
  return {
    is: "video",
    ...(onItsSide ? { width: height, height: width } : { width, height }),
    frames: await framesIn(read, table),
  };
}

/** Does the track's matrix turn it by 90° or 270°? The trainer's reader (OpenCV) turns it, too. */
async function isOnItsSide(read: Read, header: Box): Promise<boolean> {
  const version = (await read(header.start, 1))[0];
  const matrix = await read(header.start + (version === 1 ? 52 : 40), 36);
  if (matrix.length < 36) return false;
  const [a, b, c, d] = [0, 4, 12, 16].map((at) => matrix.readInt32BE(at));
  return a === 0 && d === 0 && b !== 0 && c !== 0;
}

/** Sum of the table of frame durations; null where the frames are told of elsewhere, as in fragmented files. */
async function framesIn(read: Read, table: Box): Promise<number | null> {
  const durations = await childOf(read, table, "stts");
  if (!durations) return null;
  const bytes = await read(
    durations.start + 8,
    Math.min(durations.end - durations.start - 8, TABLE_BYTES_MAX),
  );
  if (durations.end - durations.start - 8 > TABLE_BYTES_MAX) return null;
  let frames = 0;
  for (let at = 0; at + 8 <= bytes.length; at += 8) frames += bytes.readUInt32BE(at);
  return frames > 0 ? frames : null;
}

async function boxesIn(read: Read, start: number, end: number): Promise<Box[]> {
  const boxes: Box[] = [];
  for (let at = start; at + 8 <= end && boxes.length < BOXES_MAX; ) {
    const head = await read(at, 16);
    if (head.length < 8) break;
    const short = head.readUInt32BE(0);
    const isLong = short === 1 && head.length === 16;
    const length = short === 0 ? end - at : isLong ? Number(head.readBigUInt64BE(8)) : short;
    if (length < (isLong ? 16 : 8)) break; // no box any more
    boxes.push({ type: head.toString("latin1", 4, 8), start: at + (isLong ? 16 : 8), end: at + length });
    at += length;
  }
  return boxes;
}

async function childrenOf(read: Read, { start, end }: Box, type: string): Promise<Box[]> {
  return (await boxesIn(read, start, end)).filter((box) => box.type === type);
}

async function childOf(read: Read, box: Box, type: string): Promise<Box | undefined> {
  return (await childrenOf(read, box, type))[0];
}

async function text(read: Read, position: number): Promise<string> {
  return (await read(position, 4)).toString("latin1");
}
