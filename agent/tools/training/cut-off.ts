// ai-toolkit writes a checkpoint straight to its final name. One that was cut off when its run died is what the next run
// would resume from, and fail at; so it is set aside.
import { readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../files/sandbox.ts";
import { checkpointFacts } from "./checkpoint-facts.ts";

const EXTENSION = ".safetensors";
/** Halves of one checkpoint (Wan 2.2 14B): one without the other would train on from nothing. */
const HALVES = ["_high_noise", "_low_noise"] as const;

/**
 * A resume takes whatever begins with the run's name, so a mere ending would not keep it away; and no folder is made for
 * these files, for a full disk may be why they are cut off.
 */
const asideName = (name: string) => `.${name}.cut-off`;

/**
 * Looks at the checkpoints of an ended run that were written since `sinceMs`.
 * @returns the names of those that were cut off, with their other halves
 */
export async function setCutOffAside(outputFolder: string, run: string, sinceMs: number): Promise<string[]> {
  const entries = await readdir(outputFolder, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return []; // it wrote nothing
    throw error;
  });
  const cutOff = new Set<string>();
  for (const entry of entries) {
    const { name } = entry;
    if (!name.startsWith(run) || !(entry.isDirectory() || name.endsWith(EXTENSION))) continue;
    const path = join(outputFolder, name);
    const info = await stat(path).catch(() => undefined); // pruned by the trainer, or set aside by another agent
    if (!info || info.mtimeMs < sinceMs) continue;
    if ((await checkpointFacts(path))?.problem) for (const half of halvesOf(name)) cutOff.add(half);
  }
  const set: string[] = [];
  for (const name of cutOff) {
    if (await moveAside(outputFolder, name)) set.push(name);
  }
  return set.sort();
}

function halvesOf(name: string): string[] {
  const half = HALVES.find((ending) => name.endsWith(ending + EXTENSION));
  if (half === undefined) return [name];
  const stem = name.slice(0, -(half + EXTENSION).length);
  return HALVES.map((ending) => stem + ending + EXTENSION);
}

/** @returns false when there is no such file */
async function moveAside(folder: string, name: string): Promise<boolean> {
  const aside = join(folder, asideName(name));
  try {
    await rm(aside, { recursive: true, force: true }); // an earlier run may have died at the same step
    await rename(join(folder, name), aside);
    return true;
  } catch (error) {
    if (isMissing(error)) return false; // another agent was quicker, or the other half was not begun
    throw error;
  }
}
