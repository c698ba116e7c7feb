// set_captions: each caption is checked by itself; those that can be written are, after the old ones are kept.
import type * as v from "valibot";
import { invalid, softError, ToolError } from "../../../../shared/errors.ts";
import type { setCaptions } from "../../../../shared/tools/captions.ts";
import { checkRelative } from "../../../files/sandbox.ts";
import { orNotFound } from "../open-dataset.ts";
import { type MediaFile, mediaIn, walkDataset } from "../walk-dataset.ts";
import { type Caption, readCaption } from "./caption-file.ts";
import { type CaptionChange, type CaptionParts, overwriteCaptions } from "./overwrite.ts";

type Input = v.InferOutput<typeof setCaptions.input>;
type Output = v.InferInput<typeof setCaptions.output>;
type Failed = Output["failed"][number];

const SHOWN_NAME_MAX = 255;

/** @throws ToolError with the list in its body when not one could be written */
export async function writeCaptions(
  parts: CaptionParts,
  { name, captions }: Input,
  signal: AbortSignal,
): Promise<Output> {
  const wanted = new Map<string, string>();
  const failed: Failed[] = [];
  const fail = (image: string, reason: string) =>
    failed.push({ image: image.slice(0, SHOWN_NAME_MAX), reason });
  for (const { image, caption } of captions) {
    const reason = wanted.has(image)
      ? "The same file comes twice in this call"
      : reasonAgainst(image, caption);
    if (reason) fail(image, reason);
    else wanted.set(image, caption);
  }
  const found = await findFiles(parts, name, wanted, signal);
  const changes = new Map<string, CaptionChange>();
  let unchanged = 0;
  for (const [image, text] of wanted) {
    const file = found.get(image);
    if (!file) fail(image, "There is no such file in the dataset; get_captions shows them all");
    else if (file.now.state !== "missing" && file.now.linked)
      fail(image, "Its caption is a link; change what it leads to on the machine itself");
    else if (changes.has(file.captionPath))
      fail(image, "It shares its caption with another file of this call");
    else if (file.now.state === "text" && file.now.text === text && !file.now.bom) unchanged++;
    else changes.set(file.captionPath, { path: file.captionPath, data: text });
  }
  if (changes.size === 0 && unchanged === 0) {
    const [first] = failed;
    throw softError("invalid_input", `No caption could be written: ${first?.image}: ${first?.reason}`, {
      name,
      saved: 0,
      failed,
    });
  }
  signal.throwIfAborted();
  const trash_id = changes.size > 0 ? await overwriteCaptions(parts, name, [...changes.values()]) : null;
  return { name, saved: changes.size, unchanged, failed, trash_id };
}

/** What is wrong with the name or the text. */
function reasonAgainst(image: string, caption: string): string | undefined {
  try {
    checkRelative(image, "image file");
  } catch (error) {
    if (error instanceof ToolError) return error.message;
    throw error;
  }
  return textProblem(caption);
}

/** Why a text cannot be a caption. */
export function textProblem(text: string): string | undefined {
  if (!text.isWellFormed()) return "The text is not valid Unicode";
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/.test(text)) return "The text has control characters";
  return undefined;
}

interface Found {
  /** Below the data set. */
  readonly captionPath: string;
  readonly now: Caption;
}

async function findFiles(
  { paths }: CaptionParts,
  dataset: string,
  wanted: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Map<string, Found>> {
  const found = new Map<string, Found>();
  const walk = walkDataset(paths, checkRelative(dataset, "dataset"), signal, async (walked) => {
    for (const file of mediaIn(walked).filter(({ path }) => wanted.has(path))) {
      const now = await readCaption(paths, dataset, walked, file.caption);
      found.set(file.path, { captionPath: captionPathOf(file), now });
    }
  });
  await orNotFound(walk);
  return found;
}

/** Below the data set. */
export function captionPathOf({ path, name, caption }: MediaFile): string {
  return path.slice(0, path.length - name.length) + caption;
}

/** @throws ToolError invalid_input */
export function checkText(text: string | undefined): void {
  const problem = textProblem(text ?? "");
  if (problem) throw invalid(problem);
}
