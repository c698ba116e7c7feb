// check_dataset over images that it knows already, against bare reads of the same sizes and captions.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { createFolders, pathsOf } from "../agent/paths.ts";
import { checkOne } from "../agent/tools/datasets/check/check-dataset.ts";
import { medians, type Result, ratio } from "./measure.ts";
import { scratchFolder } from "./scratch.ts";

const IMAGES = 2_000;

const input = { name: "cats", arch: "flux", batch_size: 1, limit: 5 };
const context = { signal: new AbortController().signal, progress: () => {} };

function bareReads(folder: string): number {
  let bytes = 0;
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    bytes += name.endsWith(".txt") ? readFileSync(path, "utf8").length : statSync(path).size;
  }
  return bytes;
}

export async function benchDatasetCheck(): Promise<Result[]> {
  const paths = pathsOf({ data: await scratchFolder() });
  await createFolders(paths);
  const folder = join(paths.datasets, input.name);
  await mkdir(folder);
  for (let n = 0; n < IMAGES; n++) {
    const background = { r: n % 256, g: (n >> 3) % 256, b: 99 };
    const image = sharp({ create: { width: 64, height: 48, channels: 3, background } });
    await writeFile(join(folder, `${n}.jpg`), await image.jpeg().toBuffer());
    await writeFile(join(folder, `${n}.txt`), `a caption of number ${n}`);
  }
  const check = () => checkOne({ paths }, input, context);
  while (!(await check()).complete);
  const [ours = 0, bare = 0] = await medians([check, () => bareReads(folder)], 7, 2);
  return [ratio(`check_dataset, ${IMAGES} known images, against bare reads of them`, ours, bare, 8)];
}
