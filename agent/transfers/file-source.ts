// A file on the disk as a download.
import { basename } from "node:path";
import { ToolError } from "../../shared/errors.ts";
import type { FileHashes } from "../files/file-hashes.ts";
import type { OpenedFile } from "../files/sandbox.ts";
import { identityOf } from "../tools/models/file-cache.ts";
import { etagOf, readStream, type Source } from "./source.ts";

export interface FileSourceOptions {
  readonly fileName?: string;
  readonly contentType?: string;
  readonly hashes: FileHashes;
}

/** Takes over the open file: it is closed with the stream, or when the source is disposed of. */
export async function fileSource(
  file: OpenedFile,
  { fileName = basename(file.path), contentType = "application/octet-stream", hashes }: FileSourceOptions,
): Promise<Source> {
  const { handle } = file;
  const close = async () => await file[Symbol.asyncDispose]();
  try {
    const stats = await handle.stat({ bigint: true });
    const identity = identityOf(stats);
    return {
      fileName,
      contentType,
      sizeBytes: Number(stats.size),
      etag: etagOf(identity),
      modified: new Date(Number(stats.mtimeMs)),
      sha256: hashes.known(file.path, stats),
      hash: () => hashes.inBackground(file.path, stats),
      stream: (start, end) =>
        readStream({
          start,
          end,
          close,
          read: async (buffer, position) => {
            let filled = 0;
            for (;;) {
              const { bytesRead } = await handle.read(
                buffer,
                filled,
                buffer.length - filled,
                position + filled,
              );
              filled += bytesRead;
              if (bytesRead === 0 || filled === buffer.length) return filled;
            }
          },
          async verify() {
            if (identityOf(await handle.stat({ bigint: true })) === identity) return;
            throw new ToolError("conflict", "The file changed while it was read");
          },
        }),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
