// What there is to do about an upload that nobody is at: its process was killed, or gave it up.
import { rm } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Whole } from "./finish-upload.ts";
import type { Staging } from "./staging.ts";

/**
 * Removes what was half unpacked, or has become a data set. To be asked only when this process is not at it.
 * @returns what is to be unpacked, for all of it is here
 */
export async function leftBehind(staging: Staging, datasets: string): Promise<Whole | undefined> {
  const info = await staging.info();
  const { tree, length, outcome, name } = info;
  if (outcome !== null) await staging.dropBytes();
  if (outcome !== null || (tree === null && length === null)) return undefined;
  const bytes = await staging.offset();
  const isWhole = length === null || bytes >= length;
  if ((tree === null && !isWhole) || (await staging.isAnothers(info))) return undefined;
  // Files that were being added are compared with those that are there.
  if (tree && !tree.adds) await rm(join(datasets, tree.name), { recursive: true, force: true });
  if (!isWhole) {
    await staging.setInfo({ ...info, tree: null });
    return undefined;
  }
  const files = tree?.files ?? [{ file: basename(staging.body), name }];
  return {
    bytes,
    files: files.map((each) => ({ path: join(staging.folder, each.file), name: each.name })),
    staging,
  };
}
