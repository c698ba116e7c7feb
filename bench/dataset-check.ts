// check_dataset: over images that it knows already and over very many that it does not, against bare reads of the same
// files; and other calls while it goes on.
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { Slots } from "../agent/files/slots.ts";
import { createFolders, type Paths, pathsOf } from "../agent/paths.ts";
import type { Input } from "../agent/tools/datasets/check/dataset-check.ts";
import { DatasetChecks } from "../agent/tools/datasets/check/dataset-checks.ts";
import { median, medians, type Result, ratio } from "./measure.ts";
import { BUILT, post, startProgram, toolsCall } from "./program.ts";
import { scratchFolder } from "./scratch.ts";

const IMAGES = 2_000;
/** As many as people bring. */
const MANY = 100_000;
const HEAD_BYTES = 16 * 1024;
const CALLS = 100;

const never = new AbortController().signal;
const context = { signal: never, progress: () => {} };
const inputOf = (name: string): Input => ({ name, arch: "flux", batch_size: 1, limit: 5 });

function bareReads(folder: string, headBytes = 0): number {
  let bytes = 0;
  const head = Buffer.alloc(headBytes);
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.endsWith(".txt")) bytes += readFileSync(path, "utf8").length;
    else {
      bytes += statSync(path).size;
      if (headBytes === 0) continue;
      const fd = openSync(path, "r");
      readSync(fd, head, 0, head.length, 0);
      closeSync(fd);
    }
  }
  return bytes;
}

async function makeImages(folder: string): Promise<void> {
  await mkdir(folder);
  for (let n = 0; n < IMAGES; n++) {
    const background = { r: n % 256, g: (n >> 3) % 256, b: 99 };
    const image = sharp({ create: { width: 64, height: 48, channels: 3, background } });
    await writeFile(join(folder, `${n}.jpg`), await image.jpeg().toBuffer());
    await writeFile(join(folder, `${n}.txt`), `a caption of number ${n}`);
  }
}

/** The same pictures again and again. */
async function makeMany(folder: string, from: string): Promise<void> {
  await mkdir(folder);
  for (let n = 0; n < MANY; n++) {
    linkSync(join(from, `${n % IMAGES}.jpg`), join(folder, `${n}.jpg`));
    await writeFile(join(folder, `${n}.txt`), `a caption of number ${n}`);
  }
}

/** Until all sizes are known; nothing is decoded. */
async function measureAll(paths: Paths): Promise<void> {
  const slots = new Slots(1);
  void slots.run(never, () => new Promise(() => {}));
  const checks = new DatasetChecks({ paths, slots, budgetMs: 100 });
  while ((await checks.check(inputOf("many"), context)).measured < MANY);
  checks[Symbol.dispose]();
}

function forget({ state }: Paths): void {
  for (const suffix of ["", "-wal", "-shm"])
    rmSync(join(state, `checked-files.db${suffix}`), { force: true });
}

/** Of list_configs, before and while the same program checks very many images. */
async function callsMeanwhile(data: string): Promise<Result> {
  const program = await startProgram([BUILT, "--data", data, "--port", "0", "--trainer", "rehearsal"]);
  const call = async () => {
    const times: number[] = [];
    for (let n = 0; n < CALLS; n++) {
      const start = performance.now();
      await toolsCall(program.url, "legacy", "list_configs");
      times.push(performance.now() - start);
    }
    return median(times);
  };
  try {
    await call();
    const alone = await call();
    const body = { tool: "check_dataset", arguments: { name: "many" } };
    const checking = post(`${program.url}/mcp/execute`, body);
    const meanwhile = await call();
    await checking;
    return ratio(`list_configs while ${MANY} images are checked, against alone`, meanwhile, alone, 3);
  } finally {
    await program.stop();
  }
}

export async function benchDatasetCheck(): Promise<Result[]> {
  const data = await scratchFolder();
  const paths = pathsOf({ data });
  await createFolders(paths);
  const [cats, many] = [join(paths.datasets, "cats"), join(paths.datasets, "many")];
  await makeImages(cats);
  const checks = new DatasetChecks({ paths });
  const check = () => checks.check(inputOf("cats"), context);
  while (!(await check()).complete);
  const [known = 0, bare = 0] = await medians([check, () => bareReads(cats)], 7, 2);
  checks[Symbol.dispose]();

  await makeMany(many, cats);
  const anew = () => {
    forget(paths);
    return measureAll(paths);
  };
  const [first = 0, heads = 0] = await medians([anew, () => bareReads(many, HEAD_BYTES)], 3, 1);
  const [again = 0, stats = 0] = await medians([() => measureAll(paths), () => bareReads(many)], 3, 1);
  forget(paths);
  return [
    ratio(`check_dataset, ${IMAGES} known images, against bare reads of them`, known, bare, 8),
    ratio(`check_dataset, sizes of ${MANY} new images, against bare reads of their heads`, first, heads, 4),
    ratio(`check_dataset, sizes of ${MANY} known images, against bare reads`, again, stats, 4),
    await callsMeanwhile(data),
  ];
}
