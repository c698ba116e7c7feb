// The memory of large pieces of files, given back as soon as they are through. Left to the garbage collector, gigabytes of
// them cost more than all the rest of a transfer: every few dozen megabytes it looks through the whole heap.

const BUFFERS = new WeakSet<ArrayBufferLike>();

/** An empty buffer is nobody's alone: some are constants. */
const isWhole = ({ byteLength, buffer }: Uint8Array) => byteLength > 0 && byteLength === buffer.byteLength;

/** Says that nobody wants these bytes but the one they are handed to. Part of a larger buffer is left as it is. */
export function oneUse<T extends Uint8Array>(bytes: T): T {
  if (isWhole(bytes)) BUFFERS.add(bytes.buffer);
  return bytes;
}

/** May whoever got them do with them as they like? */
export function isOneUse(bytes: Uint8Array): boolean {
  return isWhole(bytes) && BUFFERS.has(bytes.buffer);
}

/** Gives the memory of one-use bytes back; all others are left alone. Nothing, the system included, may be reading them. */
export function free(bytes: Uint8Array): void {
  if (!isOneUse(bytes) || !(bytes.buffer instanceof ArrayBuffer)) return;
  BUFFERS.delete(bytes.buffer);
  bytes.buffer.transfer(0);
}
