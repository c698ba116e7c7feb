import { mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { zip } from "../../testing/archives.ts";
import { randomBytes } from "../../testing/downloads.suite.ts";
import { Intake } from "./intake.ts";
import { Tree } from "./tree.ts";
import { unpackZip } from "./zip.ts";

test("the memory of what was unpacked is given back once it is written", async () => {
  const folder = await mkdtemp(join(tmpdir(), "aitk-zip-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const film = randomBytes(1024 * 1024);
  await writeFile(join(folder, "film.zip"), zip([{ name: "film.mp4", data: film }]));
  const tree = await Tree.make(join(folder, "tree"), new Intake(), new AbortController().signal);
  const seen: Uint8Array[] = [];
  const write = tree.write.bind(tree);
  tree.write = (taken, chunks) => write(taken, watched(chunks, seen));
  const handle = await open(join(folder, "film.zip"));
  await unpackZip(handle, tree);
  await handle.close();
  expect(await readFile(join(tree.path, "film.mp4"))).toEqual(film);
  expect(seen.length).toBeGreaterThan(1);
  expect(seen.map(({ byteLength }) => byteLength)).toEqual(seen.map(() => 0));
});

async function* watched(chunks: AsyncIterable<Uint8Array>, seen: Uint8Array[]) {
  for await (const chunk of chunks) {
    seen.push(chunk);
    yield chunk;
  }
}
