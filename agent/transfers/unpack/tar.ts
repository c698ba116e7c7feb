// Unpacks a tar, or one that was packed by gzip, in one pass.
import { once } from "node:events";
import type { FileHandle } from "node:fs/promises";
import { pipeline, Transform } from "node:stream";
import { createGunzip } from "node:zlib";
import { Parser, type ReadEntry } from "tar";
import { ENTRIES_MAX, refused } from "./intake.ts";
import { checkRatio, type Tree } from "./tree.ts";

const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
const FOLDERS: ReadonlySet<string> = new Set(["Directory", "GNUDumpDir"]);
const CHUNK_BYTES = 256 * 1024;

/** @throws ToolError when the archive is refused */
export async function unpackTar(handle: FileHandle, isGzip: boolean, tree: Tree): Promise<void> {
  const { size } = await handle.stat();
  const bytes = handle.createReadStream({ start: 0, autoClose: false, highWaterMark: CHUNK_BYTES });
  // What it unpacks to is not written in it: it is counted as it comes.
  const source = isGzip ? gunzipped(bytes, size) : bytes;
  let failed: unknown;
  let [entries, last] = [0, Promise.resolve()];
  const parser = new Parser({
    strict: true,
    onReadEntry: (entry) => {
      entries += 1;
      last = last
        .then(() => take(entry, tree, entries))
        .catch((error: unknown) => {
          failed ??= error;
          entry.resume();
        });
    },
  });
  const ended = new Promise<void>((resolve) => {
    parser.once("end", () => resolve());
    parser.on("error", (error: unknown) => {
      failed ??= broken(error);
      resolve();
    });
  });
  try {
    for await (const chunk of source) {
      tree.signal.throwIfAborted();
      if (failed) break;
      if (!parser.write(chunk as Buffer)) await Promise.race([once(parser, "drain"), ended]);
    }
    if (!failed) {
      parser.end();
      await ended;
    }
    await last;
  } catch (error) {
    failed ??= tree.signal.aborted ? error : broken(error);
  } finally {
    source.destroy();
    bytes.destroy();
  }
  if (failed) throw failed;
  if (entries === 0) throw refused("there is nothing in it");
}

async function take(entry: ReadEntry, tree: Tree, count: number): Promise<void> {
  if (count > ENTRIES_MAX) throw refused(`it has more than ${ENTRIES_MAX} entries`);
  if (FOLDERS.has(entry.type)) {
    entry.resume();
    return;
  }
  if (!FILES.has(entry.type)) throw refused(`${entry.path.slice(0, 200)} is a link or a device, not a file`);
  const taken = tree.intake.place(entry.path);
  if (!taken) {
    entry.resume();
    return;
  }
  tree.needs(entry.size);
  await tree.write(taken, entry as AsyncIterable<Uint8Array>);
}

function gunzipped(bytes: NodeJS.ReadableStream, packedBytes: number): Transform {
  let unpacked = 0;
  const counter = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      unpacked += chunk.length;
      try {
        checkRatio(packedBytes, unpacked);
        next(null, chunk);
      } catch (error) {
        next(error as Error);
      }
    },
  });
  return pipeline(bytes, createGunzip(), counter, () => {}); // its error comes out of the counter
}

function broken(error: unknown) {
  if (error instanceof Error && error.name === "ToolError") return error;
  return refused(error instanceof Error ? error.message : "it is no whole tar");
}
