// A file of gigabytes, also as the one thing in an archive, and the hash of what came out at the other end.
import { createHash, randomFillSync } from "node:crypto";
import { createReadStream, createWriteStream, openAsBlob } from "node:fs";
import { link, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { downloadZip } from "client-zip";
import { scratchFolder } from "./scratch.ts";

export const MIB = 1024 * 1024;
/** BENCH_MIB=64 makes a quick run. */
export const FILE_MIB = Number(process.env["BENCH_MIB"] ?? 2_048);
const RANDOM_BYTES = 64 * 1024; // enough to make every block another one

export interface BigFile {
  readonly path: string;
  readonly sha256: string;
}

export async function bigFile(mib = FILE_MIB): Promise<BigFile> {
  const path = join(await scratchFolder(), "big.bin");
  const block = Buffer.alloc(MIB);
  const hash = createHash("sha256");
  const file = await open(path, "w");
  for (let written = 0; written < mib; written++) {
    randomFillSync(block, 0, RANDOM_BYTES);
    hash.update(block);
    await file.write(block);
  }
  await file.close();
  return { path, sha256: hash.digest("hex") };
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: MIB })) hash.update(chunk);
  return hash.digest("hex");
}

/** @param path of a zip with nothing but the file, under this name */
export async function zipOf(file: BigFile, name: string, path: string): Promise<void> {
  const { body } = downloadZip([{ name, input: await openAsBlob(file.path), lastModified: new Date() }]);
  await pipeline(Readable.fromWeb(body as import("node:stream/web").ReadableStream), createWriteStream(path));
}

/** Makes it a model of an agent, by its data folder. @returns what `create_download_link` takes for it */
export async function modelOf(data: string, name: string, { path }: BigFile): Promise<object> {
  const folder = join(data, "output", name);
  await mkdir(folder, { recursive: true });
  await link(path, join(folder, `${name}.safetensors`));
  return { kind: "model", name: `output/${name}/${name}` };
}
