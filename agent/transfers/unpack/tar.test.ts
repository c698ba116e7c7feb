import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync, gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { tar } from "../../testing/archives.ts";
import { picturePath } from "../../testing/subject.ts";
import { Intake } from "./intake.ts";
import { Tree } from "./tree.ts";
import { unpack } from "./unpack.ts";

/** A gzip whose first block is a tar's header, too: the header's checksum stands in what a gzip may say besides. */
function gzipThatLooksLikeTar(content: Buffer): Buffer {
  const head = Buffer.alloc(512, 0);
  head.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3]);
  head.writeUInt16LE(500, 10);
  head.write("        ", 148);
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const { length } = gzipSync(content);
  return Buffer.concat([head, deflateRawSync(content), gzipSync(content).subarray(length - 8)]);
}

test("what is packed twice is refused, whatever it looks like", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aitk-tar-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const inner = tar([{ name: "a.jpg", data: await readFile(picturePath("img1.jpg")) }]);
  const path = join(folder, "twice.tar.gz");
  await writeFile(path, gzipSync(gzipThatLooksLikeTar(inner)));
  const tree = await Tree.make(join(folder, "tree"), new Intake(), new AbortController().signal);
  await expect(unpack({ path, name: "" }, tree)).rejects.toThrow("what is packed in it is no tar");
  expect(tree.taken).toEqual([]);
});
