// Where a zip's directory lies, as the end of the file says it, once or twice (PKWARE, APPNOTE.TXT, 4.3.14 to 4.3.16).
import { refused } from "./intake.ts";
import { WINDOW_BYTES, type ZipReader } from "./zip-reader.ts";

export interface DirectoryPlace {
  readonly start: number;
  readonly end: number;
  /** Of its entries. */
  readonly count: number;
  /** The count begins anew there. */
  readonly countMax: number;
}

interface Told {
  readonly disk: number;
  readonly count: number;
  readonly bytes: number;
  readonly start: number;
}

const END = "PK\x05\x06";
const END_BYTES = 22;
const LOCATOR_64 = 0x07064b50;
const LOCATOR_64_BYTES = 20;
const END_64 = 0x06064b50;
const END_64_BYTES = 56;
/** What a number says that is too small: the one of zip64 holds. */
const FULL: Told = { disk: 0xffff, count: 0xffff, bytes: 0xffff_ffff, start: 0xffff_ffff };

export const damaged = () => refused("its directory is damaged");

/** @throws ToolError when that is not clear */
export async function directoryPlace(reader: ZipReader): Promise<DirectoryPlace> {
  const from = Math.max(0, reader.size - WINDOW_BYTES);
  const tail = Buffer.from(await reader.bytes(from, reader.size - from));
  const [at, another] = endsIn(tail);
  if (at === undefined) throw refused("the end of a zip is missing: it is cut off, or something follows it");
  if (another !== undefined) throw refused("it has two ends, and not every program takes the same one");
  const small: Told = {
    disk: tail.readUInt16LE(at + 4),
    count: tail.readUInt16LE(at + 10),
    bytes: tail.readUInt32LE(at + 12),
    start: tail.readUInt32LE(at + 16),
  };
  const locator = at - LOCATOR_64_BYTES;
  const isWide = locator >= 0 && tail.readUInt32LE(locator) === LOCATOR_64;
  const wide = isWide ? await wideEnd(reader, wideNumber(tail, locator + 8), from + locator) : undefined;
  const isSaid = (key: keyof Told) => small[key] === FULL[key] || small[key] === wide?.told[key];
  if (wide && !(["disk", "count", "bytes", "start"] as const).every(isSaid)) throw damaged();
  const { disk, count, bytes, start } = wide?.told ?? small;
  if (disk !== 0) throw refused("it is one of several parts (multi-disk)");
  const between = (wide?.position ?? from + at) - bytes - start;
  if (between !== 0 && between % (FULL.start + 1) === 0)
    throw refused("it is larger than it can say: macOS packs so from 4 GB on, but zip and tar do not");
  if (between !== 0) throw refused("its directory is not where it says: something was put before or into it");
  return {
    start,
    end: start + bytes,
    count,
    countMax: wide ? Number.POSITIVE_INFINITY : FULL.count + 1,
  };
}

/** All whose comment goes to the end of the file, from behind. bsdtar fills its last block with zeros. */
function endsIn(tail: Buffer): number[] {
  let used = tail.length;
  while (used > 0 && tail[used - 1] === 0) used -= 1;
  const ends: number[] = [];
  for (let at = tail.length - END_BYTES; at >= 0; at--) {
    at = tail.lastIndexOf(END, at, "latin1");
    if (at < 0) break;
    const commentEnd = at + END_BYTES + tail.readUInt16LE(at + 20);
    if (commentEnd >= used && commentEnd <= tail.length) ends.push(at);
  }
  return ends;
}

/** The end of zip64. @param locator where it has to stop, for there it is pointed to */
async function wideEnd(reader: ZipReader, position: number, locator: number) {
  const record = await reader.bytes(position, END_64_BYTES);
  if (record.readUInt32LE(0) !== END_64 || position + 12 + wideNumber(record, 4) !== locator) throw damaged();
  const told: Told = {
    disk: record.readUInt32LE(16),
    count: wideNumber(record, 32),
    bytes: wideNumber(record, 40),
    start: wideNumber(record, 48),
  };
  return { position, told };
}

/** Of 64 bits. */
export function wideNumber(bytes: Buffer, offset: number): number {
  const number = Number(bytes.readBigUInt64LE(offset));
  if (Number.isSafeInteger(number)) return number;
  throw refused("it speaks of more bytes than any disk has");
}
