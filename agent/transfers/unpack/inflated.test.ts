import { constants, deflateRawSync } from "node:zlib";
import { expect, test } from "vitest";
import { inflated } from "./inflated.ts";

const words = (bytes: number, finishFlush: number) =>
  deflateRawSync(Buffer.alloc(bytes, "word"), { finishFlush });

/** Until so many bytes are left of the memory that Node cuts its small buffers out of. */
function leaveOfPool(bytes: number): void {
  for (;;) {
    const { byteOffset, length, buffer } = Buffer.allocUnsafe(8);
    if (buffer.byteLength - byteOffset - length === bytes) return;
  }
}

test("what a slow reader gets as one piece may end where Node's shared memory does", async () => {
  const given = Promise.withResolvers<void>();
  async function* packed() {
    for (let count = 0; count < 5; count++) yield words(500, constants.Z_SYNC_FLUSH);
    yield words(8, constants.Z_FINISH);
    given.resolve();
  }
  const [lengths, ends]: [number[], boolean[]] = [[], []];
  for await (const { length, byteOffset, buffer } of inflated(packed(), "deflate")) {
    lengths.push(length);
    ends.push(byteOffset > 0 && byteOffset + length === buffer.byteLength);
    await given.promise;
    leaveOfPool(2_008);
  }
  expect(lengths).toEqual([500, 2_008]);
  expect(ends).toEqual([false, true]);
});
