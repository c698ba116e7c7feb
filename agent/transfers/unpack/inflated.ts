// What packed bytes unpack to, through buffers that are used again or given back: left to the garbage collector, those of
// gigabytes let the process grow by more than 150 MiB.
import { createGunzip, createInflateRaw } from "node:zlib";
import { refused } from "./intake.ts";

/** Above what Node cuts out of shared buffers: each is one of its own, and can be given back. */
const CHUNK_BYTES = 256 * 1024;

/**
 * @param pieces each is used up before the next one is asked for
 * @returns pieces that are good until the next one is asked for. @throws ToolError for what zlib cannot unpack
 */
export async function* inflated(
  pieces: AsyncIterable<Uint8Array>,
  format: "gzip" | "deflate",
): AsyncGenerator<Buffer> {
  const options = { chunkSize: CHUNK_BYTES };
  const inflate = format === "gzip" ? createGunzip(options) : createInflateRaw(options);
  const feeding = feed(pieces, inflate);
  feeding.catch((error: Error) => inflate.destroy(error)); // told to whoever reads
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      yield chunk;
      giveBack(chunk);
    }
    await feeding;
  } catch (error) {
    throw notUnpacked(error);
  } finally {
    inflate.destroy();
  }
}

/** zlib's errors are about the archive; all others stay what they are. */
export function notUnpacked(error: unknown): unknown {
  const isZlibs = error instanceof Error && "code" in error && String(error.code).startsWith("Z_");
  return isZlibs ? refused(`it is damaged (${error.message})`) : error;
}

async function feed(pieces: AsyncIterable<Uint8Array>, inflate: NodeJS.WritableStream): Promise<void> {
  for await (const piece of pieces) {
    await new Promise<void>((resolve, reject) =>
      inflate.write(piece, (error) => (error ? reject(error) : resolve())),
    );
  }
  inflate.end();
}

/**
 * zlib fills one buffer after the other: what ends where the buffer does is the last of it. Small pieces that had to wait come
 * as one, in a copy that may lie in a buffer which Node shares out: that is smaller, and nobody's to give back.
 */
function giveBack({ buffer, byteOffset, byteLength }: Uint8Array): void {
  const isOurs = buffer instanceof ArrayBuffer && buffer.byteLength >= CHUNK_BYTES;
  if (isOurs && byteLength > 0 && byteOffset + byteLength === buffer.byteLength) buffer.transfer(0);
}
