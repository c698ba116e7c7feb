// A trainer's log as it lies on the disk: one file, or, once it has grown past its limit (log-rotation.ts), its
// beginning, the part before the present one, and the present one.
import { type FileHandle, open } from "node:fs/promises";
import { isMissing } from "../../files/sandbox.ts";

export interface LogParts {
  /** The first bytes (versions, the config) and a line that says that something was left out. */
  readonly head: string;
  readonly previous: string;
  /** What the trainer writes to. */
  readonly current: string;
}

export function logParts(path: string): LogParts {
  return { head: `${path}.head`, previous: `${path}.previous`, current: path };
}

/** All parts as one file. */
export interface OpenLog {
  readonly bytes: number;
  /** When something was last written to it; milliseconds since 1970. */
  readonly writtenMs: number;
  /** Fills `buffer` from `position` on. @returns how many bytes there were */
  read(buffer: Buffer, position: number): Promise<number>;
}

interface Part {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly writtenMs: number;
}

async function openPart(path: string): Promise<Part | undefined> {
  const handle = await open(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  if (!handle) return undefined;
  try {
    const { size, mtimeMs } = await handle.stat();
    return { handle, bytes: size, writtenMs: mtimeMs };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function readFully({ handle }: Part, buffer: Buffer, position: number): Promise<number> {
  for (let filled = 0; ; ) {
    const { bytesRead } = await handle.read(buffer, filled, buffer.length - filled, position + filled);
    filled += bytesRead;
    if (bytesRead === 0 || filled === buffer.length) return filled;
  }
}

function joined(parts: readonly Part[]): OpenLog {
  return {
    bytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    writtenMs: Math.max(...parts.map(({ writtenMs }) => writtenMs)),
    async read(buffer, position) {
      let filled = 0;
      let start = 0;
      for (const part of parts) {
        const from = position + filled - start;
        const length = Math.min(part.bytes - from, buffer.length - filled);
        if (length > 0) filled += await readFully(part, buffer.subarray(filled, filled + length), from);
        start += part.bytes;
      }
      return filled;
    },
  };
}

/** A log that is rotated while it is read is read again; more often than this would be a log of seconds. */
const ATTEMPTS = 3;

/** Reads a log, whatever its parts. @returns undefined when there is none */
export async function withLog<T>(path: string, work: (log: OpenLog) => Promise<T>): Promise<T | undefined> {
  const { head, previous, current } = logParts(path);
  for (let attempt = 1; ; attempt++) {
    // The present part first: what a rotation moves out of it afterwards is then either still in it or in the next.
    const opened = await openPart(current);
    if (!opened) return undefined;
    const parts = [opened];
    try {
      for (const older of [previous, head]) {
        const part = await openPart(older);
        if (part) parts.unshift(part);
      }
      const result = await work(joined(parts));
      const wasRotated = (await opened.handle.stat()).size < opened.bytes;
      if (!wasRotated || attempt === ATTEMPTS) return result;
    } finally {
      for (const { handle } of parts) await handle.close();
    }
  }
}
