// Something that can be downloaded: its bytes from anywhere to anywhere, and what identifies them.
import { createHash } from "node:crypto";
import { oneUse } from "../../shared/one-use.ts";
import { TRANSFER } from "../../shared/protocol.ts";
import type { Version } from "./range.ts";

export interface Source extends Version, AsyncDisposable {
  /** What the file is called at the client's. */
  readonly fileName: string;
  readonly contentType: string;
  /** Hex; undefined while nobody has computed it. */
  readonly sha256: string | undefined;
  /** Computes it, also when the source is closed meanwhile; absent where there is none before it is sent. */
  readonly hash?: () => Promise<string>;
  /** `end` is the last byte. The stream closes what it reads from; without one, [Symbol.asyncDispose] does. */
  stream(start: number, end: number): ReadableStream<Uint8Array>;
}

/** What travels in one frame: nothing is cut, or waits for more. */
export const CHUNK_BYTES = TRANSFER.chunkBytes;
/** Read ahead while the chunk before is being sent. */
const CHUNKS_AHEAD = 2;

/** A strong tag of whatever tells one version of the bytes from any other. */
export function etagOf(identity: string): string {
  return `"${createHash("sha256").update(identity).digest("base64url").slice(0, 27)}"`;
}

/** Fills a buffer from a position on. @returns how many bytes there were */
export type Read = (buffer: Buffer, position: number) => Promise<number>;

export interface ReadStreamOptions {
  readonly start: number;
  readonly end: number;
  readonly read: Read;
  /** Before the last chunk is let go: throws when what was read is not one version of the bytes. */
  readonly verify: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** Errors, rather than ends, when there are fewer bytes than promised or they changed meanwhile. */
export function readStream({
  start,
  end,
  read,
  verify,
  close,
}: ReadStreamOptions): ReadableStream<Uint8Array> {
  let position = start;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const wanted = Math.min(CHUNK_BYTES, end + 1 - position);
          // Not from Node's pool: chunks of this size would only copy through it.
          const buffer = Buffer.allocUnsafeSlow(wanted);
          const bytes = wanted > 0 ? await read(buffer, position) : 0;
          if (bytes < wanted) throw new Error("the file became shorter while it was read");
          position += bytes;
          const isLast = position > end;
          if (isLast) await verify();
          if (bytes > 0) controller.enqueue(oneUse(buffer));
          if (!isLast) return;
          await close();
          controller.close();
        } catch (error) {
          await close();
          throw error;
        }
      },
      cancel: close,
    },
    { highWaterMark: CHUNKS_AHEAD },
  );
}
