// Which control images the samples of a new config show: those of the first items to train on, with their captions, so
// that the samples can be told from what they should become.
import { readdir, readFile, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { IMAGE_EXTENSIONS, stemOf } from "../datasets/images.ts";
import { userTextProblem } from "./user-text.ts";

/** The trainer looks for these endings in lower case only. */
const isControl = (name: string) => IMAGE_EXTENSIONS.some((ending) => ending === extname(name));

const MAX_SAMPLES = 2;
const CAPTION_MAX_BYTES = 4_000;

export interface ControlSample {
  /** One of each folder, absolute. */
  readonly images: readonly string[];
  /** What was written about the item, where it can stand in a prompt. */
  readonly caption: string | undefined;
}

async function imagesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(folder).catch((): string[] => []); // it may come later
  const images = names.filter((name) => isControl(name) && !name.startsWith("."));
  return new Map(images.sort().map((name) => [stemOf(name), join(folder, name)]));
}

async function captionOf(folder: string, stem: string): Promise<string | undefined> {
  const path = join(folder, `${stem}.txt`);
  const bytes = await stat(path).then(
    (stats) => (stats.isFile() ? stats.size : 0),
    () => 0,
  );
  if (bytes === 0 || bytes > CAPTION_MAX_BYTES) return undefined;
  const text = (await readFile(path, "utf8").catch(() => "")).trim();
  // The trainer would cut it at the first flag.
  return text === "" || text.includes("--") || userTextProblem(text) !== undefined ? undefined : text;
}

/** The first items that have an image in every one of the folders. */
export async function controlSamples(dataset: string, folders: readonly string[]): Promise<ControlSample[]> {
  const maps = await Promise.all(folders.map(imagesIn));
  const samples: ControlSample[] = [];
  for (const stem of maps[0]?.keys() ?? []) {
    const images = maps.flatMap((map) => map.get(stem) ?? []);
    const isWhole = images.length === folders.length;
    if (!isWhole || images.some((image) => userTextProblem(image) !== undefined)) continue;
    samples.push({ images, caption: await captionOf(dataset, stem) });
    if (samples.length === MAX_SAMPLES) break;
  }
  return samples;
}
