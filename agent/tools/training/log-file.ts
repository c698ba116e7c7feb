// Reading the end of a log whose size may be anything.
import { open } from "node:fs/promises";
import { cleanLines } from "./log-text.ts";

const BLOCK_BYTES = 64 * 1024;
/** How far back a tail reads at most: bars fold thousands of bytes into one line. */
const TAIL_MAX_BYTES = 4 * 1024 * 1024;

/** The last `bytes` of a file as text; "" when there is none. */
export async function readEnd(path: string, bytes: number): Promise<string> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!handle) return "";
  try {
    const { size } = await handle.stat();
    const buffer = Buffer.alloc(Math.min(size, bytes));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

export interface LogTail {
  readonly lines: readonly string[];
  /** Size of the whole log. */
  readonly bytes: number;
}

/**
 * The last `count` lines, progress bars folded. Bytes that are not UTF-8 become U+FFFD.
 * Memory does not grow with the file. A missing file is an empty log.
 */
export async function tailLog(path: string, count: number): Promise<LogTail> {
  const handle = await open(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (!handle) return { lines: [], bytes: 0 };
  try {
    const { size } = await handle.stat();
    let buffer = Buffer.alloc(0);
    let start = size;
    for (;;) {
      const lines = count === 0 ? [] : cleanLines(buffer.toString("utf8"));
      const read = size - start;
      // The first line of a tail is likely cut, so it only counts when the file begins there.
      const whole = start === 0 ? lines : lines.slice(1);
      if (start === 0 || count === 0 || whole.length >= count || read >= TAIL_MAX_BYTES) {
        // One endless bar is a line that was begun before; better cut than none.
        const shown = whole.length > 0 ? whole : lines;
        return { lines: count === 0 ? [] : shown.slice(-count), bytes: size };
      }
      const length = Math.min(start, Math.max(BLOCK_BYTES, read));
      const block = Buffer.alloc(length);
      await handle.read(block, 0, length, start - length);
      start -= length;
      buffer = Buffer.concat([block, buffer]);
    }
  } finally {
    await handle.close();
  }
}
