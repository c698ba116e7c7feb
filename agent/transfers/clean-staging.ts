// What processes left behind that are gone: half unpacked trees, and bytes whose links no longer work.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "../tools/training/process.ts";
import { Staging } from "./staging.ts";

/**
 * @param goOn told of uploads that were whole: they wait to be unpacked once more
 * @returns how many uploads were forgotten
 */
export async function cleanStaging(
  { datasets, staging }: { readonly datasets: string; readonly staging: string },
  isLive: (linkId: string) => boolean,
  goOn: (linkId: string) => void,
): Promise<number> {
  let forgotten = 0;
  for (const id of await readdir(staging)) {
    const upload = new Staging(staging, id);
    const info = await upload.info();
    const { tree, length } = info;
    if (tree && (await isAlive(tree.by))) continue;
    if (tree) await rm(join(datasets, tree.name), { recursive: true, force: true });
    if (!isLive(id)) {
      await upload.clear();
      forgotten += 1;
    } else if (tree) {
      const isWhole = length === null || (await upload.offset()) >= length;
      if (isWhole) goOn(id);
      else await upload.setInfo({ ...info, tree: null });
    }
  }
  return forgotten;
}
