// Unpacks a tar, or one that was packed by gzip, in one pass.
import type { FileHandle } from "node:fs/promises";
import { Parser, type ReadEntry } from "tar";
import { readThrough } from "../../files/read-through.ts";
import { inflated } from "./inflated.ts";
import { ENTRIES_MAX, refused, type Taken } from "./intake.ts";
import { inBlocks, isTarHeader } from "./tar-blocks.ts";
import { checkRatio, type Tree } from "./tree.ts";
import type { TreeFile } from "./tree-file.ts";

const FILES: ReadonlySet<string> = new Set(["File", "OldFile", "ContiguousFile"]);
const FOLDERS: ReadonlySet<string> = new Set(["Directory", "GNUDumpDir"]);

/** A file of the archive as far as it has come, and is not written yet. */
interface Coming {
  readonly taken: Taken;
  parts: Uint8Array[];
  isWhole: boolean;
  file?: TreeFile;
}

/** @throws ToolError when the archive is refused */
export async function unpackTar(handle: FileHandle, isGzip: boolean, tree: Tree): Promise<void> {
  const { size } = await handle.stat();
  const bytes = readThrough(handle, tree.signal);
  // What it unpacks to is not written in it: it is counted as it comes.
  const source = inBlocks(isGzip ? counted(inflated(bytes, "gzip"), size) : bytes);
  const coming: Coming[] = [];
  let entries = 0;
  let failed: unknown;
  const parser = new Parser({
    strict: true,
    zstd: false, // not by itself
    onReadEntry: (entry) => {
      // Always flowing: all of a chunk has gone through the parser when write() returns.
      try {
        entries += 1;
        const taken = failed ? undefined : placeOf(entry, tree, entries);
        if (taken) collect(entry, taken, coming);
      } catch (error) {
        failed ??= error;
      }
      entry.resume();
    },
  });
  parser.on("error", (error: unknown) => {
    failed ??= broken(error);
  });
  try {
    let isFirst = true;
    for await (const chunk of source) {
      // The parser would unpack by itself what is packed twice, without counting, and a thousand times its size at one go.
      if (isFirst && (!isTarHeader(chunk) || startsAsGzip(chunk)))
        throw refused("what is packed in it is no tar");
      isFirst = false;
      parser.write(chunk);
      if (failed) throw failed;
      await writeOut(coming, tree);
    }
    parser.end();
    if (failed) throw failed;
    await writeOut(coming, tree);
  } catch (error) {
    throw failed ?? (tree.signal.aborted ? error : broken(error));
  } finally {
    for (const { file } of coming) await file?.abort();
  }
  if (entries === 0) throw refused("there is nothing in it");
}

/** What begins so may have a tar's checksum, too. */
const startsAsGzip = (head: Uint8Array) => head[0] === 0x1f && head[1] === 0x8b;

/** @returns undefined when it is passed over */
function placeOf(entry: ReadEntry, tree: Tree, count: number): Taken | undefined {
  if (count > ENTRIES_MAX) throw refused(`it has more than ${ENTRIES_MAX} entries`);
  if (FOLDERS.has(entry.type)) return undefined;
  if (!FILES.has(entry.type)) throw refused(`${entry.path.slice(0, 200)} is a link or a device, not a file`);
  const taken = tree.intake.place(entry.path);
  if (taken) tree.needs(entry.size);
  return taken;
}

function collect(entry: ReadEntry, taken: Taken, coming: Coming[]): void {
  const file: Coming = { taken, parts: [], isWhole: false };
  coming.push(file);
  entry.on("data", (part: Uint8Array) => void file.parts.push(part));
  entry.on("end", () => {
    file.isWhole = true;
  });
}

/** Afterwards nobody needs the chunk any more; at most one file, which goes on in the next one, is left. */
async function writeOut(coming: Coming[], tree: Tree): Promise<void> {
  for (let next = coming[0]; next; next = coming[0]) {
    const { taken, parts, isWhole } = next;
    if (isWhole && !next.file) {
      coming.shift();
      await tree.put(taken, Buffer.concat(parts)); // a copy: it is written while the next chunk comes
      continue;
    }
    next.file ??= await tree.begin(taken);
    for (const part of parts) {
      tree.passed(part.length);
      await next.file.write(part);
    }
    next.parts = [];
    if (!isWhole) return;
    coming.shift();
    tree.ended(taken, await next.file.end());
  }
}

async function* counted(chunks: AsyncIterable<Buffer>, packedBytes: number): AsyncGenerator<Buffer> {
  let unpacked = 0;
  for await (const chunk of chunks) {
    unpacked += chunk.length;
    checkRatio(packedBytes, unpacked);
    yield chunk;
  }
}

/** The parser's and zlib's words are about the archive; those of the system and ours are not. */
function broken(error: unknown) {
  if (error instanceof Error && (error.name === "ToolError" || "syscall" in error)) return error;
  return refused(error instanceof Error ? error.message : "it is no whole tar");
}
