// Many files as one zip that is never on the disk: stored, not compressed (pictures and weights do not shrink), so that
// its length is known before the first byte, and any part of it can be made again.
import type { FileHandle } from "node:fs/promises";
import { makeZip, predictLength } from "client-zip";
import type { OpenedFile } from "../files/sandbox.ts";
import { CHUNK_BYTES, etagOf, type Source } from "./source.ts";

export interface ZipEntry {
  /** In the archive. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly modified: Date;
  readonly open: () => Promise<OpenedFile>;
}

export function zipSource(fileName: string, entries: readonly ZipEntry[]): Source {
  const listed = entries.map(({ name, sizeBytes, modified }) => ({
    name,
    size: sizeBytes,
    lastModified: modified,
  }));
  const sizeBytes = Number(predictLength(listed));
  const times = entries.map(({ modified }) => modified.getTime());
  return {
    fileName,
    contentType: "application/zip",
    sizeBytes,
    etag: etagOf(JSON.stringify(listed)),
    modified: new Date(Math.max(0, ...times)),
    sha256: undefined,
    stream: (start, end) => partOfZip(entries, sizeBytes, start, end),
    async [Symbol.asyncDispose]() {}, // nothing is open before it is read
  };
}

/** Ends with an error when a file is no longer what the list said: the length was promised. */
function partOfZip(
  entries: readonly ZipEntry[],
  sizeBytes: number,
  start: number,
  end: number,
): ReadableStream<Uint8Array> {
  const open = new Set<FileHandle>();
  const closeAll = async () => {
    for (const handle of open) await handle.close();
  };
  const files = (async function* () {
    for (const entry of entries) {
      const { name, modified: lastModified, sizeBytes: size } = entry;
      yield { name, lastModified, size, input: bytesOf(entry, open) };
    }
  })();
  const reader = makeZip(files).getReader();
  const small = new Gathered();
  let position = 0;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          for (;;) {
            const { done, value } = await reader.read();
            if (value) {
              const from = Math.max(0, start - position);
              const to = Math.min(value.length, end + 1 - position);
              position += value.length;
              if (position > sizeBytes) throw new Error("the zip became longer than was promised");
              if (from < to) small.add(value.subarray(from, to));
            }
            const isLast = done || position > end;
            if (done && position !== sizeBytes) throw new Error("the zip became shorter than was promised");
            const chunk = small.take(isLast ? 1 : CHUNK_BYTES / 2);
            if (chunk) controller.enqueue(chunk);
            if (isLast) {
              await closeAll();
              await reader.cancel().catch(() => {}); // of its own generator, which was told to stop in the middle
              controller.close();
              return;
            }
            if (chunk) return;
          }
        } catch (error) {
          await closeAll();
          throw error;
        }
      },
      async cancel() {
        await reader.cancel().catch(() => {}); // likewise
        await closeAll();
      },
    },
    { highWaterMark: 1 },
  );
}

/** The zip comes in many pieces of a few bytes: headers, names. They go out together. */
class Gathered {
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  add(piece: Uint8Array): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** All of it, if it is as much as `least`. */
  take(least: number): Uint8Array | undefined {
    if (this.#bytes < least) return undefined;
    const [first, ...others] = this.#pieces;
    const all = first && others.length === 0 ? first : Buffer.concat(this.#pieces);
    this.#pieces = [];
    this.#bytes = 0;
    return all;
  }
}

async function* bytesOf(
  { open, sizeBytes, name }: ZipEntry,
  opened: Set<FileHandle>,
): AsyncGenerator<Uint8Array> {
  const { handle } = await open();
  opened.add(handle);
  try {
    let position = 0;
    while (position < sizeBytes) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, sizeBytes - position));
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
      if (bytesRead === 0) throw new Error(`${name} became shorter while it was read`);
      position += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    opened.delete(handle);
    await handle.close();
  }
}
