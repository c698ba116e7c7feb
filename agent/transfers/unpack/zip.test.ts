import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { zip } from "../../testing/archives.ts";
import { randomBytes } from "../../testing/downloads.suite.ts";
import { Intake } from "./intake.ts";
import { Tree } from "./tree.ts";
import { unpackZip } from "./zip.ts";

const film = randomBytes(1024 * 1024);
const KINDS = {
  stored: { data: film, method: 0 },
  deflated: { data: deflateRawSync(film), method: 8, claims: film.length, crc: crc32(film) },
};

test.each(Object.entries(KINDS))(
  "a large file that is %s leaves nothing to the garbage collector",
  async (_kind, file) => {
    const folder = await mkdtemp(join(tmpdir(), "aitk-zip-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    await writeFile(join(folder, "film.zip"), zip([{ name: "film.mp4", ...file }]));
    const tree = await Tree.make(join(folder, "tree"), new Intake(), new AbortController().signal);
    const seen = new Set<ArrayBufferLike>();
    const write = tree.write.bind(tree);
    tree.write = (taken, chunks) => write(taken, watched(chunks, seen));
    const handle = await open(join(folder, "film.zip"));
    await unpackZip(handle, tree);
    await handle.close();
    expect(await readFile(join(tree.path, "film.mp4"))).toEqual(film);
    // One buffer for all, or one after the other that was given back once it was full.
    expect([...seen].filter(({ byteLength }) => byteLength > 0).length).toBeLessThanOrEqual(1);
  },
);

async function* watched(chunks: AsyncIterable<Uint8Array>, seen: Set<ArrayBufferLike>) {
  for await (const chunk of chunks) {
    seen.add(chunk.buffer);
    yield chunk;
  }
}
