// A quick look at a data set, as the trainer will walk it: what is there, what is written about it, what is broken.
import { isUtf8 } from "node:buffer";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, extname, join, relative, resolve } from "node:path";
import { setImmediate } from "node:timers/promises";
import { mayWrite } from "../../files/may-write.ts";
import { isMissing } from "../../files/sandbox.ts";
import { asText, type Dataset } from "../configs/check.ts";
import { mediaOf, SOUND_WORD } from "../configs/dataset-checks.ts";
import { IMAGE_EXTENSIONS, stemOf } from "../datasets/images.ts";
import { sampleOf } from "./decode.ts";

/** More entries, of all data sets of a config together, are not looked at: figures are then "at least". */
const MAX_ENTRIES = 500_000;
/** Entries between two turns of other calls: some milliseconds. */
const TURN = 2_000;

/** What may still be looked at; it is used up. */
export interface LookBudget {
  entries: number;
}

export const lookBudget = (): LookBudget => ({ entries: MAX_ENTRIES });

const SHOWN = 3;

export interface ControlLook {
  /** As the config has it. */
  readonly folder: string;
  readonly exists: boolean;
  /** Names of files to train on that have no partner here, the first few. */
  readonly missing: readonly string[];
  readonly missingCount: number;
}

export interface DatasetLook {
  readonly label: string;
  readonly dataset: Dataset;
  /** Absolute paths of what is trained on. */
  readonly files: readonly string[];
  /** "images" and the like. */
  readonly word: string;
  readonly isCapped: boolean;
  readonly captionCount: number;
  /** Captions that are not UTF-8, of those that were read, the first few; and how many. */
  readonly unreadable: readonly string[];
  readonly unreadableCount: number;
  /** May the trainer write its own files beside the images? */
  readonly isWritable: boolean;
  /** Of a music model: captions without the tags that it reads, of the first few. */
  readonly untagged: readonly string[];
  /** Sub-folders that are trained as well, below the data set, with how many files. */
  readonly nested: readonly { readonly folder: string; readonly files: number }[];
  readonly controls: readonly ControlLook[];
}

/** @returns undefined where there is no folder to look at: missing, or a JSON file that lists the images */
export async function lookAtDataset(
  dataset: Dataset,
  root: string,
  budget: LookBudget,
  isWritable: (path: string) => Promise<boolean> = mayWrite,
): Promise<DatasetLook | undefined> {
  const { folder } = dataset;
  if (folder === undefined) return undefined;
  const { extensions, word } = mediaOf(dataset);
  const isMedia = new Set<string>(extensions);
  const files: string[] = [];
  const nested: { folder: string; files: number }[] = [];
  const captions: string[] = [];
  const folders = [folder];
  for (let next = folders.pop(); next !== undefined && budget.entries > 0; next = folders.pop()) {
    const found = await readdir(next, { withFileTypes: true }).catch((error: unknown) => {
      if (next === folder || isMissing(error)) return undefined; // said by another check
      throw error;
    });
    if (!found) {
      if (next === folder) return undefined;
      continue;
    }
    budget.entries -= found.length;
    const names = new Set(found.map(({ name }) => name));
    const isControls = basename(next) === "_controls";
    let here = 0;
    for (const [index, entry] of found.entries()) {
      if (index % TURN === TURN - 1) await setImmediate();
      if (entry.name.startsWith(".")) continue;
      if (entry.isDirectory()) folders.push(join(next, entry.name));
      else if (!isControls && isMedia.has(extname(entry.name).toLowerCase())) {
        here += 1;
        files.push(join(next, entry.name));
        const caption = stemOf(entry.name) + captionEndingOf(dataset);
        if (names.has(caption)) captions.push(join(next, caption));
      }
    }
    if (next !== folder && here > 0) nested.push({ folder: relative(folder, next), files: here });
  }
  const unreadable = await notUtf8(sampleOf(captions, CAPTIONS_READ));
  return {
    label: dataset.label,
    dataset,
    files,
    word,
    isCapped: budget.entries <= 0,
    captionCount: captions.length,
    unreadable: unreadable.slice(0, SHOWN),
    unreadableCount: unreadable.length,
    isWritable: await isWritable(folder),
    untagged: word === SOUND_WORD ? await withoutTags(captions.slice(0, SHOWN)) : [],
    nested: nested.sort((a, b) => (a.folder < b.folder ? -1 : 1)),
    controls: await Promise.all(controlFoldersOf(dataset).map((each) => lookAtControls(each, root, files))),
  };
}

/** The dot is added where it is missing; the older key is taken as it is. */
function captionEndingOf({ block }: Dataset): string {
  const old = asText(block.caption_type);
  if (old !== undefined) return old;
  const ending = asText(block.caption_ext) ?? "txt";
  return ending.startsWith(".") ? ending : `.${ending}`;
}

/** As written; the numbered keys win over the list. */
export function controlFoldersOf({ block }: Pick<Dataset, "block">): string[] {
  const numbered = [block.control_path_1, block.control_path_2, block.control_path_3].flatMap(
    (path) => asText(path) || [],
  );
  if (numbered.length > 0) return numbered;
  const path = block.control_path;
  return Array.isArray(path)
    ? path.flatMap((each) => asText(each) ?? [])
    : asText(path)
      ? [String(path)]
      : [];
}

/** More than one read in a preflight; check_dataset reads all. */
const CAPTIONS_READ = 200;
const CAPTION_MAX_BYTES = 64 * 1024;

/** Names of those that Python would not decode. */
async function notUtf8(paths: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const path of paths) {
    const bytes = await captionBytes(path);
    if (bytes && !isUtf8(bytes)) found.push(basename(path));
  }
  return found;
}

/** Undefined where there is nothing that would pass for a caption, or that we may read. */
async function captionBytes(path: string): Promise<Buffer | undefined> {
  const size = await stat(path).then((stats) => stats.size, () => 0); // biome-ignore format: short
  if (size > CAPTION_MAX_BYTES) return undefined;
  return await readFile(path).catch(() => undefined);
}

async function withoutTags(paths: readonly string[]): Promise<string[]> {
  const bare: string[] = [];
  for (const path of paths) {
    if (!(await captionBytes(path))?.includes("<CAPTION>")) bare.push(basename(path));
  }
  return bare;
}

async function lookAtControls(folder: string, root: string, files: readonly string[]): Promise<ControlLook> {
  const names = await readdir(resolve(root, folder)).catch(() => undefined);
  const there = new Set(names);
  const missing = files
    .map((file) => basename(file))
    // In lower case: the trainer puts these endings behind the stem and asks whether that exists.
    .filter((file) => !IMAGE_EXTENSIONS.some((ending) => there.has(stemOf(file) + ending)));
  return {
    folder,
    exists: names !== undefined,
    missing: missing.slice(0, SHOWN),
    missingCount: missing.length,
  };
}
