// Checkpoints in a job's folder: written, thinned out, found again.
import { existsSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Block } from "./config.ts";
import { type Adapter, loraTensors, modelTensors, optimizerBytes } from "./lora.ts";
import { baseModelVersion, weightSuffixes } from "./models.ts";
import { dumps, PythonError } from "./python.ts";
import { type Dtype, type Metadata, readSafetensors, writeSafetensors } from "./safetensors.ts";

/** Says in every file we write what it is; nothing else may be taken for a rehearsed LoRA, nor one for a real LoRA. */
export const SOFTWARE = {
  name: "ai-toolkit rehearsal",
  repo: "https://github.com/ostris/ai-toolkit",
  version: "0.12.26",
};
const MARK = "rehearsal";

export interface CheckpointOptions {
  readonly folder: string;
  /** config.name, which is what files are called after, whatever the process is named. */
  readonly name: string;
  /** What a resume looks for: the process's own name, which is `name` unless it has one. */
  readonly processName: string;
  readonly arch: string;
  /** undefined: no network block, the whole model is trained. */
  readonly adapter: Adapter | undefined;
  readonly dtype: Dtype;
  readonly keep: number;
  readonly meta: Block;
  readonly triggerWord: string | null;
  readonly print: (line: string) => void;
}

export interface Progress {
  readonly step: number;
  readonly epoch: number;
}

export interface Resumable {
  readonly path: string;
  /** @returns the steps it was trained. @throws PythonError when it is truncated, or no checkpoint at all */
  readonly load: () => number;
}

export interface Checkpoints {
  /** @param step undefined: the final file, without a number, which is never thinned out. */
  save(step: number | undefined, progress: Progress, halfway: () => Promise<void>): Promise<void>;
  /** The newest by ctime of everything whose name begins like the run's, whatever it is (`get_latest_save_path`). */
  latest(): Resumable | undefined;
  readonly optimizerPath: string;
}

export function openCheckpoints(options: CheckpointOptions): Checkpoints {
  const { folder, name, processName, arch, adapter, dtype, keep, print } = options;
  const optimizerPath = join(folder, "optimizer.pt");
  const suffixes = weightSuffixes(arch);

  const removeOld = () => {
    const numbered = oldestFirst(
      folder,
      (file) => file.startsWith(`${name}_`) && file.endsWith(".safetensors"),
    );
    // Keeping 0 keeps everything: the last -0 are none to cut off, in Python as here.
    const surplus = numbered.slice(0, -keep * suffixes.length);
    for (const path of surplus) {
      print(`Removing old save: ${path}`);
      rmSync(path);
    }
  };

  return {
    optimizerPath,
    async save(step, progress, halfway) {
      const number = step === undefined ? "" : `_${String(step).padStart(9, "0")}`;
      let stateBytes = 0;
      for (const suffix of suffixes) {
        const path = join(folder, `${name}${number}${suffix}.safetensors`);
        const seed = `${name} ${progress.step}${suffix}`;
        const tensors = adapter ? loraTensors(adapter, dtype, seed) : modelTensors(arch, dtype, seed);
        await writeSafetensors(path, metadataOf(options, progress), tensors, halfway);
        stateBytes += optimizerBytes(tensors);
      }
      print(`Saved checkpoint to ${join(folder, `${name}${number}.safetensors`)}`);
      writeFileSync(optimizerPath, optimizerState(stateBytes));
      print(`Saved optimizer to ${optimizerPath}`);
      removeOld();
    },
    latest() {
      const path = oldestFirst(folder, (file) => file.startsWith(processName))
        .filter((candidate) =>
          NOT_WEIGHTS.every((part) => processName.includes(part) || !candidate.includes(part)),
        )
        .at(-1);
      return path === undefined ? undefined : { path, load: () => load(path) };
    },
  };
}

/** What other parts of a training call theirs; a run that has such a part in its own name is not told apart. */
const NOT_WEIGHTS = ["_LoRA", "_refiner", "_t2i", "_cn"];

function load(path: string): number {
  if (statSync(path).isDirectory()) {
    throw new PythonError("IsADirectoryError", `[Errno 21] Is a directory: '${path}'`);
  }
  if (!path.endsWith(".safetensors")) {
    throw new PythonError("_pickle.UnpicklingError", "Weights only load failed. Unsupported operand 0");
  }
  const { metadata, complete } = readSafetensors(path);
  if (!complete) {
    throw new PythonError(
      "safetensors_rust.SafetensorError",
      "Error while deserializing header: incomplete metadata, file not fully covered",
    );
  }
  return trainedSteps(metadata);
}

/**
 * A rehearsal would thin out and overwrite the checkpoints it finds under its name. Where it cannot tell that they are
 * its own it keeps away: somebody may have trained a night for them.
 * @throws PythonError naming the first file that is not provably rehearsed
 */
export function refuseRealWeights(folder: string, name: string): void {
  if (!existsSync(folder)) return;
  for (const file of readdirSync(folder)) {
    if (!isWeights(file, name) || isRehearsed(join(folder, file))) continue;
    throw new PythonError(
      "RuntimeError",
      `${join(folder, file)} was not made by a rehearsal, and a rehearsal never touches real weights. Give the config another name or another training_folder`,
    );
  }
}

function isRehearsed(path: string): boolean {
  try {
    return readSafetensors(path).metadata[MARK] === "true";
  } catch (error) {
    if (error instanceof PythonError) return false;
    throw error;
  }
}

const isWeights = (file: string, name: string) => file.startsWith(name) && file.endsWith(".safetensors");

function oldestFirst(folder: string, matches: (file: string) => boolean): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter(matches)
    .map((file) => ({
      path: join(folder, file),
      changed: statSync(join(folder, file), { bigint: true }).ctimeNs,
    }))
    .sort((a, b) => Number(a.changed - b.changed) || a.path.localeCompare(b.path))
    .map(({ path }) => path);
}

function metadataOf({ name, arch, meta, triggerWord }: CheckpointOptions, progress: Progress): Metadata {
  const own = Object.fromEntries(
    Object.entries(meta).map(([key, value]) => [key, typeof value === "string" ? value : dumps(value)]),
  );
  return {
    ...own,
    ss_output_name: name,
    ss_base_model_version: baseModelVersion(arch),
    ...(triggerWord
      ? {
          ss_tag_frequency: dumps({
            [`1_${triggerWord}`]: { [triggerWord]: 1 },
          }),
        }
      : {}),
    training_info: dumps({ step: progress.step, epoch: progress.epoch }),
    software: dumps(SOFTWARE),
    format: "pt",
    [MARK]: "true",
  };
}

function trainedSteps(metadata: Metadata): number {
  const info: unknown = JSON.parse(metadata.training_info ?? "{}");
  const step = typeof info === "object" && info !== null && "step" in info ? info.step : 0;
  return typeof step === "number" ? step : 0;
}

function optimizerState(length: number): Buffer {
  const state = Buffer.alloc(length);
  state.write("ai-toolkit rehearsal: there is no optimizer behind this\n");
  return state;
}
