// The folders a config trains on, as the trainer would find them.
import { opendir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { isMissing } from "../../files/sandbox.ts";
import { IMAGE_EXTENSIONS } from "../datasets/images.ts";
import { AUDIO_EXTENSIONS, VIDEO_EXTENSIONS } from "../datasets/media.ts";
import { asObject, type Check, type Dataset, error, type Finding, warning } from "./check.ts";
import { archOf } from "./model-arch.ts";

export const SOUND_WORD = "sound files";

/** After so many entries without one to train on the question stays open: the folder may be anything, even `/`. */
const MAX_ENTRIES = 50_000;

/** Which files of a data set are trained on. */
export function mediaOf({ block, process }: Pick<Dataset, "block" | "process">): {
  readonly extensions: readonly string[];
  readonly word: string;
} {
  const arch = archOf(asObject(process.block.model));
  if (arch.startsWith("ace_step")) return { extensions: AUDIO_EXTENSIONS, word: SOUND_WORD };
  const frames = block.num_frames;
  const video = block.auto_frame_count === true || (typeof frames === "number" && frames > 1);
  return video
    ? { extensions: [...VIDEO_EXTENSIONS, ...IMAGE_EXTENSIONS], word: "videos or images" }
    : { extensions: IMAGE_EXTENSIONS, word: "images" };
}

/** Looks only until it has found one. Hidden entries and generated controls are skipped, links not followed, as there. */
async function holdsAny(folder: string, extensions: readonly string[]): Promise<boolean> {
  const folders = [folder];
  let entries = 0;
  for (let next = folders.pop(); next !== undefined; next = folders.pop()) {
    for await (const entry of await opendir(next)) {
      entries += 1;
      if (entries > MAX_ENTRIES) return true;
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) {
        if (entry.name !== "_controls") folders.push(join(next, entry.name));
      } else if (extensions.includes(extname(entry.name).toLowerCase())) return true;
    }
  }
  return false;
}

async function checkFolder(dataset: Dataset): Promise<Finding[]> {
  const { label, folder, folderText } = dataset;
  if (folder === undefined) return [];
  try {
    const stats = await stat(folder);
    if (!stats.isDirectory()) return []; // a JSON file that lists the images, which the trainer takes as well
    const { extensions, word } = mediaOf(dataset);
    if (await holdsAny(folder, extensions)) return [];
    return [
      error(
        `${label} has no ${word} the trainer can read (${extensions.join(" ")}): ${folderText}`,
        "Put files there, e.g. with upload_dataset, or name another folder",
      ),
    ];
  } catch (problem) {
    // Configs may be written before their data sets arrive.
    const why = isMissing(problem) ? "does not exist" : "cannot be read";
    const fix = "Put the data set there, e.g. with upload_dataset, or name another folder";
    return [{ ...warning(`${label} folder ${why}: ${folderText}`, fix), atStart: "error" }];
  }
}

export const DATASET_CHECKS: readonly Check[] = [
  {
    name: "dataset folders",
    run: async ({ datasets }) => (await Promise.all(datasets.map(checkFolder))).flat(),
  },
];
