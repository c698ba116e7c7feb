// What a run leaves in its output folder (ai-toolkit.md §5): numbered checkpoints, the final file, samples.
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";

export interface Checkpoint {
  /** Of a file, or of the folder that a full fine-tune writes. */
  readonly name: string;
  /** null: the final file, which has no number. */
  readonly step: number | null;
  readonly mtimeMs: number;
  /** null: of a folder, see folderBytes. */
  readonly bytes: number | null;
}

const EXTENSION = ".safetensors";
/** Overwritten with each save. */
const OPTIMIZER = "optimizer.pt";

/** What follows the run's name: a step, or none at the end; Wan 2.2 14B writes two files each time. */
const BEHIND_NAME = /^(?:_(\d{9}))?(?:_high_noise|_low_noise)?$/;

/** The step in `<run>_000000250.safetensors`; null for `<run>.safetensors`; undefined for any other file. */
export function checkpointStep(run: string, file: string): number | null | undefined {
  if (!file.startsWith(run) || !file.endsWith(EXTENSION)) return undefined;
  const found = BEHIND_NAME.exec(file.slice(run.length, -EXTENSION.length));
  if (!found) return undefined;
  return found[1] === undefined ? null : Number(found[1]);
}

async function entries(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return []; // not written yet
    throw error;
  });
}

/** Checkpoints of a run, the newest first. */
export async function listCheckpoints(outputFolder: string, run: string): Promise<Checkpoint[]> {
  const found: Checkpoint[] = [];
  for (const name of await entries(outputFolder)) {
    const asFile = checkpointStep(run, name);
    const step = asFile === undefined ? checkpointStep(run, name + EXTENSION) : asFile;
    if (step === undefined) continue;
    const info = await stat(join(outputFolder, name)).catch(() => undefined); // pruned by the trainer this moment
    if (!info || (asFile === undefined && !info.isDirectory())) continue;
    found.push({ name, step, mtimeMs: info.mtimeMs, bytes: info.isDirectory() ? null : info.size });
  }
  return found.sort((a, b) => b.mtimeMs - a.mtimeMs);
}

/** Bytes of what a save writes, as far as they are written: they grow while it goes on. */
export async function savedBytes(outputFolder: string, run: string): Promise<number> {
  const [newest] = await listCheckpoints(outputFolder, run);
  const paths = [OPTIMIZER];
  if (newest) {
    paths.push(newest.name);
    const parts = await readdir(join(outputFolder, newest.name), { recursive: true }).catch(() => []);
    paths.push(...parts.map((part) => join(newest.name, part))); // none of a file
  }
  const sizes = await Promise.all(
    paths.map(async (path) => (await stat(join(outputFolder, path)).catch(() => undefined))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** All that lies in a folder; what goes meanwhile counts as nothing. */
export async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path, { recursive: true }).catch(() => []);
  const files = await Promise.all(names.map((name) => stat(join(path, name)).catch(() => undefined)));
  return files.reduce((sum, info) => sum + (info?.isFile() ? info.size : 0), 0);
}

export interface Sample {
  readonly path: string;
  readonly step: number;
  /** Which prompt of the config, counted from 0. */
  readonly index: number;
  /** When it was drawn, milliseconds since 1970: the first part of its name. */
  readonly drawnMs: number;
}

/** Models of videos and of music choose their own form; an animated WebP is a picture, too. */
const SAMPLE = /^(\d+)__(\d{9})_(\d+)\.(?:jpe?g|png|webp|mp4|mp3|wav)$/;

const SOUNDS: readonly string[] = [".mp3", ".wav"];

/** What can be shown of a sample: of a video the picture that the toolkit makes of its first frame; of a sound nothing. */
export function pictureOf({ path }: Pick<Sample, "path">): string | undefined {
  if (SOUNDS.includes(extname(path))) return undefined;
  return extname(path) === ".mp4" ? join(dirname(path), ".thumbs", `${basename(path)}.jpg`) : path;
}

/** Samples of a run, by step and prompt. The index in their names is not padded, so names do not sort. */
export async function listSamples(outputFolder: string): Promise<Sample[]> {
  const folder = join(outputFolder, "samples");
  const found = (await entries(folder)).flatMap((name) => {
    const [, drawnMs, step, index] = SAMPLE.exec(name) ?? [];
    if (step === undefined) return [];
    return [{ path: join(folder, name), step: Number(step), index: Number(index), drawnMs: Number(drawnMs) }];
  });
  return found.sort((a, b) => a.step - b.step || a.index - b.index || a.drawnMs - b.drawnMs);
}

/** The samples as they were at a moment; of several of one step and prompt the newest. */
export function asOf(samples: readonly Sample[], untilMs: number): Sample[] {
  const newest = new Map<string, Sample>();
  // Sorted: the later one takes the place of the earlier one.
  for (const sample of samples) {
    if (sample.drawnMs <= untilMs) newest.set(`${sample.step}/${sample.index}`, sample);
  }
  return [...newest.values()];
}

export async function countSamples(outputFolder: string): Promise<number> {
  return (await listSamples(outputFolder)).length;
}
