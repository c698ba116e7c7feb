// Do the images decode? Asked of a sample, for a limited time: one broken file ends a run that caches latents, but only
// after the base model was loaded.
import { stat } from "node:fs/promises";
import { extname } from "node:path";
import { onPicture } from "../../pictures/on-picture.ts";
import { IMAGE_EXTENSIONS } from "../datasets/images.ts";

/** In all data sets of a config together. */
const SAMPLE_FILES = 24;
const TIME_MS = 400;

/** How much looking is allowed, of a config with so many data sets. */
export interface DecodeBudget {
  readonly files: number;
  /** On the clock of performance.now(). */
  readonly untilMs: number;
}

export function decodeBudget(datasets: number, nowMs: number): DecodeBudget {
  return { files: Math.ceil(SAMPLE_FILES / Math.max(1, datasets)), untilMs: nowMs + TIME_MS };
}

/** What was found whole need not be decoded again, as long as it stays the same file. */
const REMEMBERED = 2_000;

const whole = new Set<string>();

export interface Damaged {
  readonly path: string;
  readonly problem: string;
}

export interface Decoded {
  readonly looked: number;
  readonly damaged: readonly Damaged[];
}

/** Evenly spread, the first and the last among them. */
export function sampleOf<T>(all: readonly T[], count: number): T[] {
  if (all.length <= count) return [...all];
  const step = (all.length - 1) / (count - 1);
  return Array.from({ length: count }, (_, i) => all[Math.round(i * step)]).filter(
    (each) => each !== undefined,
  );
}

export async function decodeSample(
  files: readonly string[],
  budget: DecodeBudget,
  now: () => number = () => performance.now(),
): Promise<Decoded> {
  const images = files.filter((file) =>
    IMAGE_EXTENSIONS.some((extension) => extension === extname(file).toLowerCase()),
  );
  const damaged: Damaged[] = [];
  let looked = 0;
  for (const path of sampleOf(images, budget.files)) {
    if (now() > budget.untilMs) break;
    looked += 1;
    const problem = await problemOf(path);
    if (problem !== undefined) damaged.push({ path, problem });
  }
  return { looked, damaged };
}

async function problemOf(path: string): Promise<string | undefined> {
  try {
    const { size, mtimeMs, ino } = await stat(path);
    if (size === 0) return "it is empty";
    const identity = `${path}:${ino}:${size}:${mtimeMs}`;
    if (whole.has(identity)) return undefined;
    const { default: sharp } = await import("sharp"); // a big library; only who trains needs it
    sharp.cache(false);
    // Shrinking needs every pixel and keeps few of them.
    await onPicture(() =>
      sharp(path, { failOn: "error", sequentialRead: true }).resize(8, 8, { fit: "fill" }).raw().toBuffer(),
    );
    if (whole.size >= REMEMBERED) whole.clear();
    whole.add(identity);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.message.split("\n")[0] ?? "unknown") : "unknown";
  }
}
