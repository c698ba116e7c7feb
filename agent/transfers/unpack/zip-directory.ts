// The entries of a zip, by its directory (PKWARE, APPNOTE.TXT, 4.3 to 4.6). It is read to its end, not to the number of
// entries that it is said to have: macOS counts them in 16 bits. What could be read in two ways is refused: somebody would
// see other files in it than we unpack.
import { crc32 } from "node:zlib";
import { entryName, fromCp437 } from "./entry-name.ts";
import { refused } from "./intake.ts";
import { damaged, directoryPlace, wideNumber } from "./zip-end.ts";
import type { ZipReader } from "./zip-reader.ts";

export interface ZipEntry {
  readonly name: string;
  /** Of the name's bytes: the file's own header has to have the same. */
  readonly nameCrc: number;
  readonly isEncrypted: boolean;
  readonly method: number;
  /** Of what it unpacks to. */
  readonly crc: number;
  readonly packedBytes: number;
  readonly bytes: number;
  /** Where its own header begins. */
  readonly offset: number;
  /** With the file's type; 0 when no Unix has made it. */
  readonly unixMode: number;
}

const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
export const LOCAL_BYTES = 30;

/** Its number stands in a field behind the name, where there is room for it. */
const WIDE_32 = 0xffff_ffff;
const WIDE_FIELD = 0x0001;
const UNICODE_NAME_FIELD = 0x7075;

const ENCRYPTED = 0x1;
const MADE_BY_UNIX = 3;

/** @throws ToolError when the directory is damaged, or says more than one thing */
export async function* zipEntries(reader: ZipReader): AsyncGenerator<ZipEntry> {
  const { start, end, count, countMax } = await directoryPlace(reader);
  let entries = 0;
  for (let position = start; position < end; entries++) {
    const head = await reader.bytes(position, Math.min(ENTRY_BYTES, end - position));
    if (head.length < ENTRY_BYTES || head.readUInt32LE(0) !== ENTRY) throw damaged();
    const length = ENTRY_BYTES + head.readUInt16LE(28) + head.readUInt16LE(30) + head.readUInt16LE(32);
    if (position + length > end) throw damaged();
    yield entryOf(await reader.bytes(position, length));
    position += length;
  }
  if (entries % countMax !== count) throw damaged();
}

/** Where the content of an entry begins. @throws ToolError when its own header is another file's */
export async function contentStart(
  reader: ZipReader,
  { offset, nameCrc }: Pick<ZipEntry, "offset" | "nameCrc">,
): Promise<number> {
  const header = await reader.bytes(offset, LOCAL_BYTES);
  if (header.readUInt32LE(0) !== LOCAL) throw refused("its directory points to what is no file");
  const [nameBytes, extraBytes] = [header.readUInt16LE(26), header.readUInt16LE(28)];
  const name = (await reader.bytes(offset, LOCAL_BYTES + nameBytes)).subarray(LOCAL_BYTES);
  if (crc32(name) !== nameCrc)
    throw refused(`its directory has another name for ${entryName(name, fromCp437).slice(0, 200)}`);
  return offset + LOCAL_BYTES + nameBytes + extraBytes;
}

function entryOf(record: Buffer): ZipEntry {
  const nameEnd = ENTRY_BYTES + record.readUInt16LE(28);
  const name = record.subarray(ENTRY_BYTES, nameEnd);
  const extra = record.subarray(nameEnd, nameEnd + record.readUInt16LE(30));
  const wide = fieldOf(extra, WIDE_FIELD);
  let taken = 0;
  const number = (offset: number) => {
    const small = record.readUInt32LE(offset);
    if (small !== WIDE_32) return small;
    taken += 8;
    if (!wide || taken > wide.length) throw damaged();
    return wideNumber(wide, taken - 8);
  };
  const bytes = number(24); // in this order
  const packedBytes = number(20);
  return {
    name: (unicodeName(extra, name) ?? entryName(name, fromCp437)).replaceAll("\\", "/"),
    nameCrc: crc32(name),
    isEncrypted: (record.readUInt16LE(8) & ENCRYPTED) !== 0,
    method: record.readUInt16LE(10),
    crc: record.readUInt32LE(16),
    packedBytes,
    bytes,
    offset: number(42),
    unixMode: record.readUInt8(5) === MADE_BY_UNIX ? record.readUInt16LE(40) : 0,
  };
}

/** Of a program that keeps two names: this one is good as long as nobody changed the other. */
function unicodeName(extra: Buffer, name: Buffer): string | undefined {
  const field = fieldOf(extra, UNICODE_NAME_FIELD);
  const isGood = field && field.length > 5 && field[0] === 1 && field.readUInt32LE(1) === crc32(name);
  return isGood ? entryName(field.subarray(5), fromCp437) : undefined;
}

function fieldOf(extra: Buffer, id: number): Buffer | undefined {
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === id && end <= extra.length) return extra.subarray(at + 4, end);
    at = end;
  }
  return undefined;
}
