// Lists over big folders against a bare walk that reads the same directories and asks for the same sizes.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Trash } from "../agent/files/trash.ts";
import { pathsOf } from "../agent/paths.ts";
import { NOT_IN_USE } from "../agent/testing/in-use.ts";
import { configHandlers } from "../agent/tools/configs/handlers.ts";
import { datasetHandlers } from "../agent/tools/datasets/handlers.ts";
import { Turns } from "../agent/tools/datasets/turns.ts";
import { medians, type Result, ratio } from "./measure.ts";
import { scratchFolder } from "./scratch.ts";
import { walk } from "./walk.ts";

const CONFIGS = 1_000;
const DATASETS = 200;
const IMAGES = 1_000;

const context = { signal: new AbortController().signal, progress: () => {} };

export async function benchLists(): Promise<Result[]> {
  const paths = pathsOf({ data: await scratchFolder() });
  await mkdir(paths.config, { recursive: true });
  for (let n = 0; n < CONFIGS; n++)
    await writeFile(join(paths.config, `config_${n}.yaml`), "job: extension\n");
  for (let set = 0; set < DATASETS; set++) {
    const folder = join(paths.datasets, `set_${set}`);
    await mkdir(folder, { recursive: true });
    await Promise.all(
      Array.from({ length: IMAGES }, async (_, n) => {
        await writeFile(join(folder, `${n}.jpg`), "x");
        await writeFile(join(folder, `${n}.txt`), "a caption");
      }),
    );
  }
  const parts = { paths, inUse: NOT_IN_USE, trash: new Trash(paths.trash), turns: new Turns() };
  const configs = configHandlers(parts);
  const [list = 0, bareList = 0] = await medians(
    [() => configs.list_configs({}, context), () => readdir(paths.config, { withFileTypes: true })],
    50,
    5,
  );
  // A new set of handlers each time has nothing cached.
  const [first = 0, bare = 0] = await medians(
    [() => datasetHandlers(parts).list_datasets({}, context), () => walk(paths.datasets)],
    3,
    1,
  );
  const warm = datasetHandlers(parts);
  const [cached = 0, bareAgain = 0] = await medians(
    [() => warm.list_datasets({}, context), () => walk(paths.datasets)],
    3,
    1,
  );
  return [
    ratio(`list_configs with ${CONFIGS} configs, against a bare readdir`, list, bareList, 2),
    ratio(`list_datasets, ${DATASETS} × ${IMAGES} images, first time, against a bare walk`, first, bare, 2),
    ratio(`list_datasets, ${DATASETS} × ${IMAGES} images, cached, against a bare walk`, cached, bareAgain, 2),
  ];
}
