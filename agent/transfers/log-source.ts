// A job's log as a download, whatever parts it lies in: what it is at this moment. It may grow meanwhile.
import { type FileHandle, open } from "node:fs/promises";
import { ToolError } from "../../shared/errors.ts";
import { isMissing } from "../files/sandbox.ts";
import { etagOf, readStream, type Source } from "./source.ts";

interface Part {
  readonly handle: FileHandle;
  readonly bytes: number;
  readonly identity: string;
  readonly writtenMs: number;
}

/** @param paths in the order in which they were written; those that are missing are left out */
export async function logSource(fileName: string, paths: readonly string[]): Promise<Source> {
  const parts: Part[] = [];
  const close = async () => {
    for (const { handle } of parts) await handle.close();
  };
  try {
    for (const path of paths) {
      const part = await openPart(path);
      if (part) parts.push(part);
    }
    if (parts.length === 0) throw new ToolError("not_found", "The log of this job is gone");
  } catch (error) {
    await close();
    throw error;
  }
  return {
    fileName,
    contentType: "text/plain; charset=utf-8",
    sizeBytes: parts.reduce((sum, { bytes }) => sum + bytes, 0),
    etag: etagOf(parts.map(({ identity }) => identity).join()),
    modified: new Date(Math.max(...parts.map(({ writtenMs }) => writtenMs))),
    sha256: undefined,
    stream: (start, end) =>
      // It only grows: the bytes that were there are those that were promised. One that is cut off reads short.
      readStream({
        start,
        end,
        close,
        verify: async () => {},
        read: (buffer, at) => read(parts, buffer, at),
      }),
    [Symbol.asyncDispose]: close,
  };
}

async function openPart(path: string): Promise<Part | undefined> {
  const handle = await open(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  if (!handle) return undefined;
  try {
    const { dev, ino, size, mtimeMs } = await handle.stat();
    return { handle, bytes: size, identity: `${dev}:${ino}:${size}:${mtimeMs}`, writtenMs: mtimeMs };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function read(parts: readonly Part[], buffer: Buffer, position: number): Promise<number> {
  let [filled, partStart] = [0, 0];
  for (const { handle, bytes } of parts) {
    while (filled < buffer.length) {
      const from = position + filled - partStart;
      const length = Math.min(bytes - from, buffer.length - filled);
      if (length <= 0) break;
      const { bytesRead } = await handle.read(buffer, filled, length, from);
      if (bytesRead === 0) return filled;
      filled += bytesRead;
    }
    partStart += bytes;
  }
  return filled;
}
