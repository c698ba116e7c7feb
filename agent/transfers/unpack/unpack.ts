// What an upload is, by its first bytes, and how it gets into a tree.
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { readThrough } from "../../files/read-through.ts";
import { refused } from "./intake.ts";
import { unpackTar } from "./tar.ts";
import { BLOCK_BYTES, isTarHeader } from "./tar-blocks.ts";
import type { Tree } from "./tree.ts";
import { unpackZip } from "./zip.ts";

export interface Staged {
  readonly path: string;
  /** As the client called it; "" when it did not say. */
  readonly name: string;
}

type Kind = "zip" | "tar" | "gzip" | "other";

/** Of archives that people have and we do not open. */
const FOREIGN = [
  ["7z\xbc\xaf\x27\x1c", "7z"],
  ["Rar!", "rar"],
  ["BZh", "bzip2"],
  ["\xfd7zXZ", "xz"],
  ["\x28\xb5\x2f\xfd", "zstd"],
] as const;

/** @throws ToolError when it is refused */
export async function unpack({ path, name }: Staged, tree: Tree): Promise<void> {
  const handle = await open(path);
  try {
    const kind = await kindOf(handle);
    if (kind === "zip") await unpackZip(handle, tree);
    else if (kind !== "other") await unpackTar(handle, kind === "gzip", tree);
    else await takeFile(handle, name, tree);
  } finally {
    await handle.close();
  }
}

async function kindOf(handle: FileHandle): Promise<Kind> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(BLOCK_BYTES), 0, BLOCK_BYTES, 0);
  const head = buffer.toString("latin1", 0, bytesRead);
  if (bytesRead === 0) throw refused("it is empty");
  // The second: a zip without entries. The third: one that was split.
  if (head.startsWith("PK\x03\x04") || head.startsWith("PK\x05\x06") || head.startsWith("PK\x07\x08"))
    return "zip";
  if (head.startsWith("\x1f\x8b")) return "gzip";
  if (isTarHeader(buffer.subarray(0, bytesRead))) return "tar";
  const foreign = FOREIGN.find(([magic]) => head.startsWith(magic));
  if (foreign) throw refused(`it is a ${foreign[1]} archive; pack it as zip, tar or tar.gz`);
  return "other";
}

async function takeFile(handle: FileHandle, name: string, tree: Tree): Promise<void> {
  if (name === "") {
    throw refused(
      "it is neither zip nor tar nor tar.gz; a single image needs its name behind the link, e.g. …/cat.jpg",
    );
  }
  const taken = tree.intake.place(basename(name));
  if (taken) await tree.write(taken, readThrough(handle));
}
