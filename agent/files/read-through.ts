// A file from its beginning to its end through one buffer: new ones for gigabytes would be left to the garbage collector,
// which lets dozens of megabytes gather.
import type { FileHandle } from "node:fs/promises";

const BUFFER_BYTES = 256 * 1024;

export interface Range {
  readonly start: number;
  readonly length: number;
}

/** Each piece is good until the next one is asked for. A range that ends behind the file ends with it. */
export async function* readThrough(
  handle: FileHandle,
  signal?: AbortSignal,
  { start, length }: Range = { start: 0, length: Number.POSITIVE_INFINITY },
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(Math.min(BUFFER_BYTES, length));
  const end = start + length;
  for (let position = start; position < end; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - position), position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
