import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { identify } from "../tools/training/process.ts";
import { EMPTY, Staging } from "./staging.ts";

test("a request that was taken over from while its last bytes go to the disk does not go on as if it were whole", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aitk-staging-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const staging = new Staging(folder, "link", await identify(process.pid));
  await staging.begin(EMPTY);
  const takenOver = new AbortController();
  let pieces = 1;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (pieces-- > 0) return controller.enqueue(Buffer.from("all of it"));
    controller.close();
    // Asked for when the last piece has been written: now the sync begins, and it ends in a later turn of the loop.
    setImmediate(() => takenOver.abort(new Error("a newer request")));
  };
  const body = new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
  await expect(staging.append(body, takenOver.signal)).rejects.toThrow("a newer request");
  expect(await staging.offset()).toBe("all of it".length);
});
