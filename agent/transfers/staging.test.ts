import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { identify } from "../tools/training/process.ts";
import { EMPTY, Staging } from "./staging.ts";

let folder: string;
let staging: Staging;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "aitk-staging-"));
  staging = new Staging(folder, "link", await identify(process.pid));
  await staging.begin(EMPTY);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** One piece, and what happens when more is asked for. */
function piece(then: (controller: ReadableStreamDefaultController<Uint8Array>) => void) {
  let pieces = 1;
  const pull = (controller: ReadableStreamDefaultController<Uint8Array>) =>
    pieces-- > 0 ? controller.enqueue(Buffer.from("all of it")) : then(controller);
  return new ReadableStream<Uint8Array>({ pull }, { highWaterMark: 0 });
}

test("a request that is taken over from with its last bytes does not go on as if it were whole", async () => {
  const takenOver = new AbortController();
  const body = piece((controller) => {
    controller.close();
    takenOver.abort(new Error("a newer request"));
  });
  await expect(staging.append(body, takenOver.signal)).rejects.toThrow("a newer request");
  expect(await staging.offset()).toBe("all of it".length);
});

test("who takes over does not wait until the disk has what came before", async () => {
  const handle = await open(join(folder, "x"), "w");
  onTestFinished(() => handle.close());
  const sync = vi.spyOn(Object.getPrototypeOf(handle), "sync").mockReturnValue(new Promise(() => {}));
  onTestFinished(() => sync.mockRestore());
  const takenOver = new AbortController();
  const body = piece(() => takenOver.abort(new Error("a newer request")));
  await expect(staging.append(body, takenOver.signal)).rejects.toThrow("a newer request");
});
