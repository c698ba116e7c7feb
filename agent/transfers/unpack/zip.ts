// Unpacks a zip. What it says of itself is judged before a byte is written, and its bytes are held to it.
import type { FileHandle } from "node:fs/promises";
import { crc32, inflateRawSync } from "node:zlib";
import * as yauzl from "yauzl";
import { readThrough } from "../../files/read-through.ts";
import { hasCode } from "../../files/sandbox.ts";
import { inflated } from "./inflated.ts";
import { ENTRIES_MAX, refused, type Taken } from "./intake.ts";
import { checkRatio, type Tree } from "./tree.ts";
import { ZipReader } from "./zip-reader.ts";

const ENCRYPTED = 0x1;
const STORED = 0;
const DEFLATED = 8;
const MADE_BY_UNIX = 3;
const TYPE_MASK = 0o170_000;
const REGULAR = 0o100_000;
const FOLDER = 0o040_000;

/** Files up to this size are unpacked in one go, larger ones piece by piece. */
const SMALL_BYTES = 64 * 1024;

/** What is needed of an entry: with a hundred thousand of them, all that yauzl tells would fill the memory. */
interface Planned {
  readonly taken: Taken;
  readonly offset: number;
  readonly isDeflated: boolean;
  readonly packedBytes: number;
  readonly bytes: number;
  readonly crc: number;
}

/** @throws ToolError when the archive is refused */
export async function unpackZip(handle: FileHandle, tree: Tree): Promise<void> {
  const { size } = await handle.stat();
  const reader = new ZipReader(handle, size);
  const planned = await plan(reader, tree);
  tree.needs(planned.reduce((sum, { bytes }) => sum + bytes, 0));
  for (const entry of planned) {
    tree.signal.throwIfAborted();
    const start = await reader.contentStart(entry.offset);
    if (entry.bytes <= SMALL_BYTES && entry.packedBytes <= SMALL_BYTES)
      await tree.put(entry.taken, wholeOf(entry, await reader.bytes(start, entry.packedBytes)));
    else await tree.write(entry.taken, contentOf(entry, start, reader, tree.signal));
  }
}

async function plan(reader: ZipReader, tree: Tree): Promise<Planned[]> {
  const { size } = reader;
  const zip = await opened(reader);
  zip.on("error", () => {}); // whoever waits for an entry is told
  if (zip.entryCount > ENTRIES_MAX) throw refused(`it has more than ${ENTRIES_MAX} entries`);
  const planned: Planned[] = [];
  let [packed, unpacked] = [0, 0];
  for await (const entry of entriesOf(zip)) {
    tree.signal.throwIfAborted();
    checkEntry(entry);
    packed += entry.compressedSize;
    unpacked += entry.uncompressedSize;
    if (packed > size) throw refused("its parts overlap");
    checkRatio(entry.compressedSize, entry.uncompressedSize);
    checkRatio(size, unpacked);
    if (entry.fileName.endsWith("/")) continue;
    const taken = tree.intake.place(entry.fileName);
    if (!taken) continue;
    planned.push({
      taken,
      offset: entry.relativeOffsetOfLocalHeader,
      isDeflated: entry.compressionMethod === DEFLATED,
      packedBytes: entry.compressedSize,
      bytes: entry.uncompressedSize,
      crc: entry.crc32,
    });
  }
  return planned;
}

function opened(reader: ZipReader): Promise<yauzl.ZipFile> {
  const options = { lazyEntries: true, autoClose: false, validateEntrySizes: true } as const;
  return new Promise((resolve, reject) =>
    yauzl.fromRandomAccessReader(reader, reader.size, options, (error, zip) =>
      error ? reject(broken(error)) : resolve(zip),
    ),
  );
}

async function* entriesOf(zip: yauzl.ZipFile): AsyncGenerator<yauzl.Entry> {
  for (;;) {
    const { promise, resolve, reject } = Promise.withResolvers<yauzl.Entry | undefined>();
    const onEntry = (entry: yauzl.Entry) => resolve(entry);
    const onEnd = () => resolve(undefined);
    const onError = (error: Error) => reject(broken(error));
    zip.once("entry", onEntry);
    zip.once("end", onEnd);
    zip.once("error", onError);
    zip.readEntry();
    try {
      const entry = await promise;
      if (!entry) return;
      yield entry;
    } finally {
      zip.off("entry", onEntry);
      zip.off("end", onEnd);
      zip.off("error", onError);
    }
  }
}

function checkEntry(entry: yauzl.Entry): void {
  if (entry.generalPurposeBitFlag & ENCRYPTED) throw refused("it is encrypted");
  const type =
    entry.versionMadeBy >> 8 === MADE_BY_UNIX ? (entry.externalFileAttributes >>> 16) & TYPE_MASK : 0;
  if (type !== 0 && type !== REGULAR && type !== FOLDER)
    throw refused(`${entry.fileName.slice(0, 200)} is a link or a device, not a file`);
  if (entry.compressionMethod !== STORED && entry.compressionMethod !== DEFLATED)
    throw refused(`${entry.fileName.slice(0, 200)} is packed in a way that only few programs know`);
}

function wholeOf(entry: Planned, packed: Buffer): Buffer {
  const bytes = entry.isDeflated ? inflatedWhole(entry, packed) : Buffer.from(packed);
  checkContent(entry, bytes.length, crc32(bytes));
  return bytes;
}

function inflatedWhole({ bytes }: Planned, packed: Buffer): Buffer {
  try {
    return inflateRawSync(packed, { maxOutputLength: bytes + 1 });
  } catch (error) {
    throw hasCode(error, "ERR_BUFFER_TOO_LARGE") ? tooMany() : broken(error);
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
  try {
    for await (const chunk of entry.isDeflated ? inflated(packed, "deflate") : packed) {
      bytes += chunk.length;
      if (bytes > entry.bytes) throw tooMany();
      crc = crc32(chunk, crc);
      yield chunk;
    }
  } catch (error) {
    throw signal.aborted ? error : broken(error);
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

/** yauzl's and zlib's words are about the archive, and for people; those of the system and ours are not. */
function broken(error: unknown) {
  if (error instanceof Error && (error.name === "ToolError" || "syscall" in error)) return error;
  return refused(error instanceof Error ? error.message : "it is no whole zip");
}
