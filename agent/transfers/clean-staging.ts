// What processes left behind that are gone: half unpacked trees, and bytes whose links no longer work.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isAlive } from "../tools/training/process.ts";
import { Staging } from "./staging.ts";

/** @returns how many uploads were forgotten */
export async function cleanStaging(
  { datasets, staging }: { readonly datasets: string; readonly staging: string },
  isLive: (linkId: string) => boolean,
): Promise<number> {
  let forgotten = 0;
  for (const id of await readdir(staging)) {
    const upload = new Staging(staging, id);
    const { tree, ...info } = await upload.info();
    if (tree && (await isAlive(tree.by))) continue;
    if (tree) {
      await rm(join(datasets, tree.name), { recursive: true, force: true });
      await upload.setInfo({ ...info, tree: null });
    }
    if (isLive(id)) continue;
    await upload.clear();
    forgotten += 1;
  }
  return forgotten;
}
