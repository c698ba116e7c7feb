// Unpacks a zip. What it says of itself is judged before a byte is written, and its bytes are held to it.
import type { FileHandle } from "node:fs/promises";
import { crc32, inflateRawSync } from "node:zlib";
import { readThrough } from "../../files/read-through.ts";
import { hasCode } from "../../files/sandbox.ts";
import { inflated, notUnpacked } from "./inflated.ts";
import { ENTRIES_MAX, refused, type Taken } from "./intake.ts";
import { checkRatio, SMALL_BYTES, type Tree } from "./tree.ts";
import { contentStart, LOCAL_BYTES, type ZipEntry, zipEntries } from "./zip-directory.ts";
import { ZipReader } from "./zip-reader.ts";

const STORED = 0;
const DEFLATED = 8;
const TYPE_MASK = 0o170_000;
const REGULAR = 0o100_000;
const FOLDER = 0o040_000;

/** What is needed of an entry that is taken: there may be a hundred thousand of them. */
interface Planned extends Omit<ZipEntry, "name" | "isEncrypted" | "unixMode"> {
  readonly taken: Taken;
}

/** @throws ToolError when the archive is refused */
export async function unpackZip(handle: FileHandle, tree: Tree): Promise<void> {
  const { size } = await handle.stat();
  const reader = new ZipReader(handle, size);
  const planned = await plan(reader, tree);
  tree.needs(planned.reduce((sum, { bytes }) => sum + bytes, 0));
  for (const entry of planned) {
    tree.signal.throwIfAborted();
    const start = await contentStart(reader, entry);
    if (entry.bytes <= SMALL_BYTES && entry.packedBytes <= SMALL_BYTES)
      await tree.put(entry.taken, wholeOf(entry, await reader.bytes(start, entry.packedBytes)));
    else await tree.write(entry.taken, contentOf(entry, start, reader, tree.signal));
  }
}

/** @returns in the order in which they lie in the archive */
async function plan(reader: ZipReader, tree: Tree): Promise<Planned[]> {
  const planned: Planned[] = [];
  let [entries, unpacked] = [0, 0];
  for await (const { name, isEncrypted, unixMode, ...entry } of zipEntries(reader)) {
    tree.signal.throwIfAborted();
    entries += 1;
    if (entries > ENTRIES_MAX) throw refused(`it has more than ${ENTRIES_MAX} entries`);
    const problem = problemOf(entry.method, unixMode);
    if (isEncrypted) throw refused("it is encrypted");
    if (problem) throw refused(`${name.slice(0, 200)} ${problem}`);
    unpacked += entry.bytes;
    checkRatio(entry.packedBytes, entry.bytes);
    checkRatio(reader.size, unpacked);
    if (name.endsWith("/")) continue;
    const taken = tree.intake.place(name);
    if (taken) planned.push({ ...entry, taken });
  }
  planned.sort((one, other) => one.offset - other.offset);
  for (const [index, { offset, packedBytes }] of planned.entries()) {
    const next = planned[index + 1]?.offset ?? reader.size;
    if (offset + LOCAL_BYTES + packedBytes > next) throw refused("it is cut off, or its parts overlap");
  }
  return planned;
}

function problemOf(method: number, unixMode: number): string | undefined {
  const type = unixMode & TYPE_MASK;
  if (type !== 0 && type !== REGULAR && type !== FOLDER) return "is a link or a device, not a file";
  if (method !== STORED && method !== DEFLATED) return "is packed in a way that only few programs know";
  return undefined;
}

function wholeOf(entry: Planned, packed: Buffer): Buffer {
  const bytes = entry.method === DEFLATED ? inflatedWhole(entry, packed) : Buffer.from(packed);
  checkContent(entry, bytes.length, crc32(bytes));
  return bytes;
}

function inflatedWhole({ bytes }: Planned, packed: Buffer): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: bytes + 1 });
  } catch (error) {
    throw hasCode(error, "ERR_BUFFER_TOO_LARGE") ? tooMany() : notUnpacked(error);
  }
}

async function* contentOf(
  entry: Planned,
  start: number,
  { handle, size }: ZipReader,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (start + entry.packedBytes > size) throw refused("it is cut off, or its parts overlap");
  const packed = readThrough(handle, signal, { start, length: entry.packedBytes });
  let [bytes, crc] = [0, 0];
  for await (const chunk of entry.method === DEFLATED ? inflated(packed, "deflate") : packed) {
    bytes += chunk.length;
    if (bytes > entry.bytes) throw tooMany();
    crc = crc32(chunk, crc);
    yield chunk;
  }
  checkContent(entry, bytes, crc);
}

function checkContent(entry: Planned, bytes: number, crc: number): void {
  const { path } = entry.taken;
  if (bytes > entry.bytes) throw tooMany();
  if (bytes < entry.bytes) throw refused(`${path.slice(0, 200)} is shorter than the archive says`);
  if (crc !== entry.crc) throw refused(`${path.slice(0, 200)} is damaged: its checksum is another one`);
}

const tooMany = () => refused("there are too many bytes in it, more than it says");
