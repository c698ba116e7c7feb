// Reading a log whose size may be anything: its end, and its beginning.
import { withLog } from "./log-parts.ts";
import { cleanLines } from "./log-text.ts";

const BLOCK_BYTES = 64 * 1024;
/** How far back a tail reads at most: bars fold thousands of bytes into one line. */
const TAIL_MAX_BYTES = 4 * 1024 * 1024;

export interface LogEdges {
  readonly head: string;
  readonly tail: string;
  /** When something was last written; null while there is no file. */
  readonly writtenMs: number | null;
}

/** The beginning and the end of a log, and nothing between them; both the whole where it is short. */
export async function readEdges(
  path: string,
  { headBytes, tailBytes }: { readonly headBytes: number; readonly tailBytes: number },
): Promise<LogEdges> {
  const edges = await withLog(path, async (log): Promise<LogEdges> => {
    const part = async (bytes: number, from: number) => {
      const buffer = Buffer.alloc(Math.min(log.bytes, bytes));
      return buffer.toString("utf8", 0, await log.read(buffer, from));
    };
    return {
      head: await part(headBytes, 0),
      tail: await part(tailBytes, Math.max(0, log.bytes - tailBytes)),
      writtenMs: log.writtenMs,
    };
  });
  return edges ?? { head: "", tail: "", writtenMs: null };
}

export interface LogTail {
  readonly lines: readonly string[];
  /** Size of the whole log, as far as it was kept. */
  readonly bytes: number;
}

/**
 * The last `count` lines, progress bars folded. Bytes that are not UTF-8 become U+FFFD.
 * Memory does not grow with the file. A missing file is an empty log.
 */
export async function tailLog(path: string, count: number): Promise<LogTail> {
  const tail = await withLog(path, async (log): Promise<LogTail> => {
    let buffer = Buffer.alloc(0);
    let start = log.bytes;
    for (;;) {
      const lines = count === 0 ? [] : cleanLines(buffer.toString("utf8"));
      const read = log.bytes - start;
      // The first line of a tail is likely cut, so it only counts when the log begins there.
      const whole = start === 0 ? lines : lines.slice(1);
      if (start === 0 || count === 0 || whole.length >= count || read >= TAIL_MAX_BYTES) {
        // One endless bar is a line that was begun before; better cut than none.
        const shown = whole.length > 0 ? whole : lines;
        return { lines: count === 0 ? [] : shown.slice(-count), bytes: log.bytes };
      }
      const block = Buffer.alloc(Math.min(start, Math.max(BLOCK_BYTES, read)));
      const filled = await log.read(block, start - block.length);
      start -= block.length;
      buffer = Buffer.concat([block.subarray(0, filled), buffer]);
    }
  });
  return tail ?? { lines: [], bytes: 0 };
}
