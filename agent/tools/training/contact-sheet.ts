// All samples of a run on one picture: a row for each sampled step, a column for each prompt.
import type { OverlayOptions, Sharp } from "sharp";
import { atOnce } from "../../files/at-once.ts";
import { onPicture } from "../../pictures/on-picture.ts";
import { smallJpeg } from "../../pictures/small-jpeg.ts";
import type { Sample } from "./run-files.ts";

/** What is shown of a sample. */
type Picture = Pick<Sample, "path" | "step" | "index">;

export interface SheetOptions {
  /** Pixels between and around the pictures. */
  readonly gap?: number;
  /** Side of the square each picture is fitted into, in pixels. */
  readonly cell?: number;
  /** More rows than this are thinned out evenly; the first (baseline) and the last stay. */
  readonly maxRows?: number;
  readonly format?: "png" | "jpeg";
}

export interface ContactSheet {
  readonly image: Buffer;
  readonly width: number;
  readonly height: number;
  /** The steps of the rows, top to bottom. */
  readonly steps: readonly number[];
  /** The prompt numbers of the columns, left to right. */
  readonly prompts: readonly number[];
}

/** A sheet is no larger, its pictures become smaller instead: beyond this not even the lowest quality is small enough. */
const MAX_PIXELS = 2_000_000;
/** In line for their turn; more would only keep those of other calls waiting. */
const AT_ONCE = 2;

const BACKGROUND = "#16181d";

/** `count` entries of a list, evenly spread, with both ends. */
function thin(steps: readonly number[], count: number): number[] {
  if (steps.length <= count) return [...steps];
  const picked = Array.from(
    { length: count },
    (_, row) => steps[Math.round((row * (steps.length - 1)) / Math.max(1, count - 1))],
  );
  return picked.filter((step) => step !== undefined);
}

/** Side of a sample shown alone, in pixels at most. */
const SINGLE_SIDE = 768;

const encode = (sheet: Sharp, format: "png" | "jpeg") =>
  format === "png" ? onPicture(() => sheet.png().toBuffer()) : smallJpeg(sheet);

/** One sample, large, as JPEG. Undefined when it cannot be read. */
export async function singleSample({ path, step, index }: Picture): Promise<ContactSheet | undefined> {
  const { default: sharp } = await import("sharp");
  const sheet = sharp(path).resize(SINGLE_SIDE, SINGLE_SIDE, { fit: "inside", withoutEnlargement: true });
  const image = await encode(sheet, "jpeg").catch(() => undefined);
  if (!image) return undefined;
  const { width, height } = await sharp(image).metadata();
  return { image, width, height, steps: [step], prompts: [index] };
}

/** At most 300 KB as JPEG. Undefined when there is nothing to show. A picture that cannot be read leaves its cell empty. */
export async function contactSheet(
  samples: readonly Picture[],
  { gap = 8, cell: wanted = 256, maxRows = 8, format = "png" }: SheetOptions = {},
): Promise<ContactSheet | undefined> {
  const steps = thin([...new Set(samples.map(({ step }) => step))], maxRows);
  const prompts = [...new Set(samples.map(({ index }) => index))].sort((a, b) => a - b);
  if (steps.length === 0) return undefined;
  const fitting = Math.floor(Math.sqrt(MAX_PIXELS / (steps.length * prompts.length))) - gap;
  const cell = Math.max(16, Math.min(wanted, fitting));
  const { default: sharp } = await import("sharp");
  const at = (position: number) => gap + position * (cell + gap);
  const cells: OverlayOptions[] = [];
  await atOnce(samples, AT_ONCE, async ({ path, step, index }) => {
    if (!steps.includes(step)) return;
    const input = await onPicture(() =>
      sharp(path).resize(cell, cell, { fit: "contain", background: BACKGROUND }).toBuffer(),
    ).catch(() => undefined); // being written, or damaged
    if (input) cells.push({ input, left: at(prompts.indexOf(index)), top: at(steps.indexOf(step)) });
  });
  const [width, height] = [at(prompts.length), at(steps.length)];
  const sheet = sharp({ create: { width, height, channels: 3, background: BACKGROUND } }).composite(cells);
  return { image: await encode(sheet, format), width, height, steps, prompts };
}
