// What a resume would go on from. ai-toolkit takes the newest thing in the run's folder whose name begins with the run's,
// by the time its inode changed and not by its number (`get_latest_save_path`); the step is what its header says.
import { open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../files/sandbox.ts";
import { type ModelFacts, readFacts } from "../models/model-facts.ts";

export interface ResumePoint extends Omit<ModelFacts, "triggerWord"> {
  /** Of a file, or of the folder that a full fine-tune writes. */
  readonly name: string;
}

/** Parts of other files' names; a path that has one anywhere is passed over, unless the run's own name has it. */
const OTHERS = ["_LoRA", "_refiner", "_t2i", "_cn"] as const;

/**
 * @param run what the process is called: `process.name`, or else `config.name`
 * @returns undefined where the trainer would begin at step 0
 */
export async function resumePoint(outputFolder: string, run: string): Promise<ResumePoint | undefined> {
  const newest = await newestOf(outputFolder, run);
  if (!newest) return undefined;
  const path = join(outputFolder, newest.name);
  const facts = newest.isFolder ? await folderFacts(path) : await fileFacts(path, newest.name);
  return facts && { name: newest.name, ...facts };
}

interface Newest {
  readonly name: string;
  readonly isFolder: boolean;
  readonly changedNs: bigint;
}

async function newestOf(folder: string, run: string): Promise<Newest | undefined> {
  const names = await readdir(folder).catch((error: unknown) => {
    if (isMissing(error)) return [];
    throw error;
  });
  let newest: Newest | undefined;
  for (const name of names) {
    const path = join(folder, name);
    if (!name.startsWith(run) || OTHERS.some((other) => !run.includes(other) && path.includes(other)))
      continue;
    const stats = await stat(path, { bigint: true }).catch(() => undefined); // pruned this moment
    if (stats && (!newest || stats.ctimeNs > newest.changedNs))
      newest = { name, isFolder: stats.isDirectory(), changedNs: stats.ctimeNs };
  }
  return newest;
}

const NO_FACTS = { step: null, baseModel: null, rank: null, rehearsal: false } as const;

async function fileFacts(path: string, name: string): Promise<Omit<ResumePoint, "name"> | undefined> {
  try {
    const handle = await open(path);
    try {
      if (!name.endsWith(".safetensors"))
        return { ...NO_FACTS, problem: "It is no checkpoint, but its name begins like one" };
      const { triggerWord: _, ...facts } = await readFacts(handle, name, (await handle.stat()).size);
      return facts;
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error)) return undefined; // pruned this moment
    throw error;
  }
}

/** As PyYAML writes it: a block of keys, a text of JSON, or, of an OrderedDict, a list of pairs. */
const STEP = /^training_info:(?:.|\n(?!\w))*?\bstep\b["']?(?:: |\n\s*- )(\d+)/m;
/** It holds the `meta` block and little else. */
const META_MAX_BYTES = 64 * 1024;

async function folderFacts(path: string): Promise<Omit<ResumePoint, "name">> {
  const file = join(path, "aitk_meta.yaml");
  const bytes = await stat(file).then(
    ({ size }) => size,
    () => Number.POSITIVE_INFINITY,
  );
  const text = bytes > META_MAX_BYTES ? undefined : await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined) return { ...NO_FACTS, problem: "It is a folder without aitk_meta.yaml" };
  const step = STEP.exec(text)?.[1];
  return { ...NO_FACTS, step: step === undefined ? null : Number(step), problem: null };
}
