// Tars are made of blocks.

export const BLOCK_BYTES = 512;

/** The sum over the block, its own field taken as blanks: the only mark that tars of all times have. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < BLOCK_BYTES) return false;
  const told = Number.parseInt(block.toString("latin1", 148, 156).replace(/[\0 ].*$/s, "") || "x", 8);
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    sum += index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
  }
  return sum === told;
}

/**
 * The same bytes in pieces of whole blocks: the parser keeps what it gets of half a block, and the pieces that come are used
 * again. Only the last one may end within a block.
 */
export async function* inBlocks(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let rest = Buffer.alloc(0);
  for await (let chunk of chunks) {
    if (rest.length > 0) {
      const missing = BLOCK_BYTES - rest.length;
      rest = Buffer.concat([rest, chunk.subarray(0, missing)]);
      chunk = chunk.subarray(missing);
      if (rest.length < BLOCK_BYTES) continue;
      yield rest;
      rest = Buffer.alloc(0);
    }
    const whole = chunk.length - (chunk.length % BLOCK_BYTES);
    rest = Buffer.from(chunk.subarray(whole));
    if (whole > 0) yield chunk.subarray(0, whole);
  }
  if (rest.length > 0) yield rest;
}
