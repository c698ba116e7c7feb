// Hashing and copying of files of any size, in constant memory.
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { ToolError } from "../../../shared/errors.ts";
import { readThrough } from "../../files/read-through.ts";
import { identityOf } from "./file-cache.ts";

export interface Reading {
  readonly signal: AbortSignal;
  /** Told how many bytes more were read. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

async function* chunksOf(
  handle: FileHandle,
  hash: Hash,
  { signal, onBytes }: Reading,
): AsyncGenerator<Buffer> {
  for await (const chunk of readThrough(handle, signal)) {
    hash.update(chunk);
    onBytes?.(chunk.length);
    yield chunk;
  }
}

export async function sha256Of(handle: FileHandle, reading: Reading): Promise<string> {
  const hash = createHash("sha256");
  for await (const _chunk of chunksOf(handle, hash, reading)); // the generator does the work
  return hash.digest("hex");
}

/**
 * Copies an open file to a new file at `path` and reads it back.
 * @returns its SHA-256
 * @throws ToolError conflict if the source changed meanwhile, internal if the disk gave back something else
 */
export async function copyVerified(source: FileHandle, path: string, reading: Reading): Promise<string> {
  const before = identityOf(await source.stat({ bigint: true }));
  const hash = createHash("sha256");
  const target = await open(path, "wx+", 0o644);
  try {
    await target.writeFile(chunksOf(source, hash, reading), { signal: reading.signal });
    await target.sync();
    if (identityOf(await source.stat({ bigint: true })) !== before) {
      throw new ToolError("conflict", "The model changed while it was copied", {
        hint: "It is probably being saved; try again in a minute",
      });
    }
    const sha256 = hash.digest("hex");
    if ((await sha256Of(target, reading)) !== sha256) {
      throw new ToolError("internal", "The copy differs from the model, so it was removed", {
        hint: "The disk of that folder is failing; check the system log",
      });
    }
    return sha256;
  } finally {
    await target.close();
  }
}
