// What a checkpoint on the disk says about itself, be it a file or a full fine-tune's folder.
import { open, readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { isMissing } from "../../files/sandbox.ts";
import { readFacts } from "../models/model-facts.ts";

const EXTENSION = ".safetensors";

export interface CheckpointFacts {
  /** Steps trained, by its header or by its name; null when neither tells. */
  readonly step: number | null;
  /** What is wrong with it, one sentence; null when it is whole. */
  readonly problem: string | null;
}

/** @returns undefined when it is gone */
export async function checkpointFacts(path: string): Promise<CheckpointFacts | undefined> {
  try {
    const handle = await open(path);
    try {
      const info = await handle.stat();
      if (info.isDirectory()) return await folderFacts(path);
      if (!path.endsWith(EXTENSION)) return { step: null, problem: "Not a checkpoint" };
      return await readFacts(handle, basename(path), info.size);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** Weights lie in folders of their own; what else is in there cannot be judged. */
async function folderFacts(folder: string): Promise<CheckpointFacts> {
  const digits = /_(\d{9})$/.exec(folder)?.[1];
  const step = digits === undefined ? null : Number(digits);
  for (const relative of await readdir(folder, { recursive: true })) {
    if (!relative.endsWith(EXTENSION)) continue;
    const facts = await checkpointFacts(join(folder, relative));
    if (facts?.problem) return { step, problem: `${relative}: ${facts.problem}` };
  }
  return { step, problem: null };
}
