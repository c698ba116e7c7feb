// A file from its beginning to its end through one buffer: new ones for gigabytes would be left to the garbage collector,
// which lets dozens of megabytes gather.
import type { FileHandle } from "node:fs/promises";

const BUFFER_BYTES = 256 * 1024;

/** Each piece is good until the next one is asked for. */
export async function* readThrough(handle: FileHandle, signal?: AbortSignal): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (let position = 0; ; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, BUFFER_BYTES, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
