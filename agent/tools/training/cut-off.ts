// ai-toolkit writes a checkpoint straight to its final name. One that was cut off when its run died is what the next run
// would resume from, and fail at; so it is set aside.
import { open, rename } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../files/sandbox.ts";
import { readHeader } from "../models/safetensors.ts";
import { listCheckpoints } from "./run-files.ts";

/** No trainer and no list of models takes such a file for one. */
const SET_ASIDE = ".cut-off";

/**
 * Looks at the newest checkpoint of an ended run, if it was written since `sinceMs`.
 * @returns its name if it was cut off; it has SET_ASIDE behind it now
 */
export async function setCutOffAside(
  outputFolder: string,
  run: string,
  sinceMs: number,
): Promise<string | undefined> {
  const [newest] = await listCheckpoints(outputFolder, run);
  if (!newest || newest.mtimeMs < sinceMs) return undefined;
  const path = join(outputFolder, newest.name);
  try {
    if (await isWhole(path)) return undefined;
    await rename(path, path + SET_ASIDE);
    return newest.name;
  } catch (error) {
    if (isMissing(error)) return undefined; // another agent was quicker
    throw error;
  }
}

async function isWhole(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { size } = await handle.stat();
    return (await readHeader(handle, size)).problem === undefined;
  } finally {
    await handle.close();
  }
}
