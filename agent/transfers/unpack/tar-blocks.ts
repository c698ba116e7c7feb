// Tars are made of blocks, and a header is one of them. Its fields are text, which ends with a NUL or blanks or neither.

export const BLOCK_BYTES = 512;

/** Octal; NaN when it is none. */
export function octal(block: Buffer, start: number, end: number): number {
  const digits = /^[\0 ]*([0-7]*)[\0 ]*$/.exec(block.toString("latin1", start, end))?.[1];
  return digits === undefined ? Number.NaN : Number.parseInt(`0${digits}`, 8);
}

/** The sum over the block, its own field taken as blanks: the only mark that tars of all times have. */
export function isTarHeader(block: Buffer): boolean {
  if (block.length < BLOCK_BYTES) return false;
  let sum = 0;
  for (let index = 0; index < BLOCK_BYTES; index++) {
    sum += index >= 148 && index < 156 ? 0x20 : (block[index] ?? 0);
  }
  return sum === octal(block, 148, 156);
}
