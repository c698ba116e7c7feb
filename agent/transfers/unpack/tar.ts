// Unpacks a tar, or one that was packed by gzip, in one pass.
import type { FileHandle } from "node:fs/promises";
import { readThrough } from "../../files/read-through.ts";
import { inflated } from "./inflated.ts";
import { ENTRIES_MAX, refused, type Taken } from "./intake.ts";
import { PulledBytes } from "./pulled-bytes.ts";
import { type TarEntry, tarEntries } from "./tar-reader.ts";
import { checkRatio, SMALL_BYTES, type Tree } from "./tree.ts";

/** Two files that are one on the disk are a file and a link in a tar: people who tidied up by `jdupes` did not ask for that. */
const NO_LINKS = "with --dereference --hard-dereference tar packs what links lead to";

/** @throws ToolError when the archive is refused */
export async function unpackTar(handle: FileHandle, isGzip: boolean, tree: Tree): Promise<void> {
  const { size } = await handle.stat();
  const bytes = readThrough(handle, tree.signal);
  // What it unpacks to is not written in it: it is counted as it comes.
  const source = new PulledBytes(isGzip ? counted(inflated(bytes, "gzip"), size) : bytes);
  let entries = 0;
  try {
    for await (const entry of tarEntries(source)) {
      entries += 1;
      if (entries > ENTRIES_MAX) throw refused(`it has more than ${ENTRIES_MAX} entries`);
      checkRatio(size, entry.content.bytes);
      const taken = placeOf(entry, tree);
      if (!taken) continue;
      if (entry.content.bytes <= SMALL_BYTES) await tree.put(taken, await entry.content.whole());
      else await tree.write(taken, entry.content.pieces());
    }
  } finally {
    await source.close();
  }
  if (entries === 0) throw refused("there is nothing in it");
}

/** @returns undefined when it is passed over */
function placeOf({ kind, path, content }: TarEntry, tree: Tree): Taken | undefined {
  if (kind === "folder" || kind === "passed over") return undefined;
  if (kind !== "file") throw refused(`${path.slice(0, 200)} is a link or a device, not a file; ${NO_LINKS}`);
  const taken = tree.intake.place(path);
  if (taken) tree.needs(content.bytes);
  return taken;
}

async function* counted(chunks: AsyncIterable<Buffer>, packedBytes: number): AsyncGenerator<Buffer> {
  let unpacked = 0;
  for await (const chunk of chunks) {
    unpacked += chunk.length;
    checkRatio(packedBytes, unpacked);
    yield chunk;
  }
}
