// Sample images: what is asked for, and how they get into samples/ (ai-toolkit.md §5).
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { drawLabel, drawScene, type Picture } from "./picture.ts";
import { PythonError } from "./python.ts";
import type { Settings } from "./settings.ts";

export interface SampleRequest {
  readonly prompt: string;
  readonly width: number;
  readonly height: number;
  readonly seed: number;
}

/** What transformers says of a prompt that is no text: of the negative one, too, which is `False` where none is given. */
const NO_TEXT =
  "text input must be of type `str` (single example), `list[str]` (batch or single pretokenized example) or `list[list[str]]` (batch of pretokenized examples) or `list[tuple[list[str], list[str]]]` (batch of pretokenized sequence pairs).";

const number = (value: unknown, fallback: number) => (typeof value === "number" ? value : fallback);

/** @throws PythonError ValueError for a flag like `--w wide` or without a negative prompt, as the real one does when it comes to sampling */
export function sampleRequests(sample: Settings["sample"], triggerWord: string | null): SampleRequest[] {
  const items: readonly unknown[] = sample.samples ?? sample.prompts.map((prompt) => ({ prompt }));
  return items.map((item, index) => {
    // readSettings() has made sure that each is an object.
    const own = item as Readonly<Record<string, unknown>>;
    const { prompt, flags } = splitPrompt(String(own.prompt ?? ""));
    if (!flags.has("n") && typeof ("neg" in own ? own.neg : sample.neg) !== "string") {
      throw new PythonError("ValueError", NO_TEXT);
    }
    const side = (flag: readonly string[], value: unknown, fallback: number) =>
      Math.max(64, Math.floor(numberFlag(flags, flag, number(value, fallback)) / 8) * 8);
    const walked = sample.seed + (sample.walk_seed ? index : 0);
    return {
      prompt: prompt.replaceAll(/\[(trigger|name)\]/g, () => triggerWord ?? ""),
      width: side(["w", "width"], own.width, sample.width),
      height: side(["h", "height"], own.height, sample.height),
      seed: numberFlag(flags, ["d", "seed"], number(own.seed, walked)),
    };
  });
}

/** `a dog --w 128 --seed 7`: the prompt ends at the first `--`; what follows an unknown one is lost. */
function splitPrompt(text: string): {
  prompt: string;
  flags: ReadonlyMap<string, string>;
} {
  const [prompt = "", ...rest] = text.split("--");
  const flags = rest.map((flag) => {
    const [name = "", ...value] = flag.trim().split(" ");
    return [name, value.join(" ")] as const;
  });
  return { prompt: prompt.trim(), flags: new Map(flags) };
}

function numberFlag(flags: ReadonlyMap<string, string>, names: readonly string[], fallback: number): number {
  const text = names.map((name) => flags.get(name)).find((value) => value !== undefined);
  if (text === undefined) return fallback;
  const value = Number.parseInt(text, 10);
  if (Number.isSafeInteger(value)) return value;
  throw new PythonError("ValueError", `invalid literal for int() with base 10: '${text}'`);
}

export interface SampleFile {
  /** The job's folder. */
  readonly folder: string;
  readonly step: number;
  readonly index: number;
  readonly extension: string;
  readonly request: SampleRequest;
  /** 0 … 1 */
  readonly clarity: number;
}

/** As sharp takes it. */
const rawInput = ({ width, height, channels, data }: Picture) => ({
  input: Buffer.from(data.buffer),
  raw: { width, height, channels },
});

const THUMBNAIL_SIDE = 300;

/** Appears whole under its final name: written in .tmp, then moved; only then its thumbnail. */
export async function writeSample({
  folder,
  step,
  index,
  extension,
  request,
  clarity,
}: SampleFile): Promise<void> {
  const { default: sharp } = await import("sharp"); // takes a tenth of a second to load, and not every run draws
  const samples = join(folder, "samples");
  for (const inside of [".tmp", ".thumbs"]) mkdirSync(join(samples, inside), { recursive: true });
  const file = `${Date.now()}__${String(step).padStart(9, "0")}_${index}.${extension}`;
  const temporary = join(samples, ".tmp", file);
  const { width, height } = request;
  const scene = rawInput(drawScene({ ...request, clarity }));
  const label = rawInput(drawLabel(["REHEARSAL", `STEP ${step}`], width));
  await sharp(scene.input, scene)
    .resize(width, height, { fit: "fill" })
    .composite([{ ...label, gravity: "south" }])
    .toFile(temporary);
  const path = join(samples, file);
  renameSync(temporary, path);
  await sharp(path)
    .resize(THUMBNAIL_SIDE, THUMBNAIL_SIDE, { fit: "cover" })
    .jpeg()
    .toFile(join(samples, ".thumbs", `${file}.jpg`));
}
