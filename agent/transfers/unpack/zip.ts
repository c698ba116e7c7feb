// Unpacks a zip. What it says of itself is judged before a byte is written; yauzl holds the bytes to it.
import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import * as yauzl from "yauzl";
import { oneUse } from "../../../shared/one-use.ts";
import { ENTRIES_MAX, refused, type Taken } from "./intake.ts";
import { checkRatio, type Tree } from "./tree.ts";

const ENCRYPTED = 0x1;
const MADE_BY_UNIX = 3;
const TYPE_MASK = 0o170_000;
const REGULAR = 0o100_000;
const FOLDER = 0o040_000;

/** @throws ToolError when the archive is refused */
export async function unpackZip(handle: FileHandle, tree: Tree): Promise<void> {
  const { size } = await handle.stat();
  const zip = await opened(handle.fd);
  zip.on("error", () => {}); // whoever waits for an entry is told
  if (zip.entryCount > ENTRIES_MAX) throw refused(`it has more than ${ENTRIES_MAX} entries`);
  const planned: { readonly entry: yauzl.Entry; readonly taken: Taken }[] = [];
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
    if (taken) planned.push({ entry, taken });
  }
  tree.needs(planned.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0));
  for (const { entry, taken } of planned) await tree.write(taken, contentOf(zip, entry));
}

function opened(fd: number): Promise<yauzl.ZipFile> {
  // Closed by whoever opened it.
  const options = { lazyEntries: true, autoClose: false, validateEntrySize: true } as const;
  return new Promise((resolve, reject) =>
    yauzl.fromFd(fd, options, (error, zip) => (error ? reject(broken(error)) : resolve(zip))),
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
  if (entry.compressionMethod !== 0 && entry.compressionMethod !== 8)
    throw refused(`${entry.fileName.slice(0, 200)} is packed in a way that only few programs know`);
}

/** Opened only when it is read: until then nobody would hear that it breaks. */
async function* contentOf(zip: yauzl.ZipFile, entry: yauzl.Entry): AsyncGenerator<Uint8Array> {
  const stream = await new Promise<Readable>((resolve, reject) =>
    zip.openReadStream(entry, (error, opened) => (error ? reject(broken(error)) : resolve(opened))),
  );
  stream.on("error", () => {}); // also when nobody reads to the end; who does is told below
  try {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) yield oneUse(chunk);
  } catch (error) {
    throw broken(error);
  }
}

/** yauzl's words are about the archive, and for people. */
function broken(error: unknown) {
  return refused(error instanceof Error ? error.message : "it is no whole zip");
}
