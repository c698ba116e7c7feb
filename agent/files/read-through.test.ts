import { randomFillSync } from "node:crypto";
import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readThrough } from "./read-through.ts";

async function opened(bytes: Uint8Array) {
  const folder = await mkdtemp(join(tmpdir(), "read-through-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, "file");
  await writeFile(path, bytes);
  const handle = await open(path);
  onTestFinished(() => handle.close());
  return handle;
}

test.each([0, 1, 256 * 1024, 1_000_000])("%i bytes come whole, through one buffer", async (length) => {
  const bytes = randomFillSync(Buffer.alloc(length));
  const buffers = new Set<ArrayBufferLike>();
  const copies: Buffer[] = [];
  for await (const piece of readThrough(await opened(bytes))) {
    buffers.add(piece.buffer);
    copies.push(Buffer.from(piece));
  }
  expect(Buffer.concat(copies).equals(bytes)).toBe(true);
  expect(buffers.size).toBe(length === 0 ? 0 : 1);
});

test("reading stops when it is no longer wanted", async () => {
  const stop = new AbortController();
  const reading = readThrough(await opened(Buffer.alloc(1_000_000)), stop.signal);
  await reading.next();
  stop.abort(new Error("enough"));
  await expect(reading.next()).rejects.toThrow("enough");
});
