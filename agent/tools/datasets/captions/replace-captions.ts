// replace_in_captions: every text is worked out before the first one is written.
import type * as v from "valibot";
import { invalid, ToolError } from "../../../../shared/errors.ts";
import type { replaceInCaptions } from "../../../../shared/tools/captions.ts";
import { checkRelative } from "../../../files/sandbox.ts";
import { orNotFound } from "../open-dataset.ts";
import { mediaIn, walkDataset } from "../walk-dataset.ts";
import { CAPTION_MAX_BYTES } from "./caption-file.ts";
import { editor, excerpt } from "./edit-caption.ts";
import { containing, readAll } from "./get-captions.ts";
import { type CaptionParts, overwriteCaptions } from "./overwrite.ts";
import { captionPathOf, checkText } from "./set-captions.ts";

type Input = v.InferOutput<typeof replaceInCaptions.input>;
type Output = v.InferInput<typeof replaceInCaptions.output>;

const EXAMPLES = 10;
/** Captions that one call may change: each is synced to the disk, which takes a slow one some seconds. */
const CHANGES_MAX = 5_000;
/** Of all changed texts together. */
const CHANGED_MAX_CHARS = 64 * 1024 * 1024;
const NAMES_SHOWN = 5;

interface Change {
  readonly image: string;
  readonly before: string;
  readonly after: string;
}

interface Plan {
  readonly captions: number;
  readonly withoutCaption: number;
  readonly matches: number;
  /** By the path of the caption file, sorted by that of the image. */
  readonly changes: ReadonlyMap<string, Change>;
  /** Captions that stand in the way: image and reason. */
  readonly obstacles: readonly string[];
}

export async function editCaptions(parts: CaptionParts, input: Input, signal: AbortSignal): Promise<Output> {
  const { name, dry_run } = input;
  if (input.find === undefined && !input.prepend && !input.append) {
    throw invalid("There is nothing to do: give find, prepend or append");
  }
  for (const text of [input.replace, input.prepend, input.append]) checkText(text);
  const plan = await orNotFound(planOf(parts, input, signal));
  if (!dry_run) refuseObstacles(plan);
  const changed = plan.changes.size;
  let trash_id: string | null = null;
  if (!dry_run && changed > 0) {
    signal.throwIfAborted();
    const changes = [...plan.changes].map(([path, { after }]) => ({ path, data: after }));
    trash_id = await overwriteCaptions(parts, name, changes);
  }
  return {
    name,
    dry_run,
    captions: plan.captions,
    matches: plan.matches,
    changed,
    examples: [...plan.changes.values()]
      .slice(0, EXAMPLES)
      .map(({ image, before, after }) => ({ image, ...excerpt(before, after) })),
    without_caption: plan.withoutCaption,
    trash_id,
    next: dry_run && changed > 0 ? "Nothing is written yet: call again with dry_run: false" : null,
    ...(dry_run && plan.obstacles.length > 0 && { warnings: [obstacleText(plan)] }),
  };
}

async function planOf({ paths }: CaptionParts, input: Input, signal: AbortSignal): Promise<Plan> {
  const [edit, isMeant] = [editor(input), containing(input.contains)];
  const found: [string, Change][] = [];
  const seen = new Set<string>();
  const obstacles: string[] = [];
  let [captions, withoutCaption, matches, chars] = [0, 0, 0, 0];
  await walkDataset(paths, checkRelative(input.name, "dataset"), signal, async (walked) => {
    await readAll(paths, input.name, walked, mediaIn(walked), signal, (file, caption) => {
      const path = captionPathOf(file);
      if (caption.state === "missing") withoutCaption++;
      if (caption.state === "unreadable") obstacles.push(`${file.path}: ${caption.why}`);
      if (caption.state !== "text" || seen.has(path)) return;
      seen.add(path); // files that share a caption
      captions++;
      if (!isMeant(caption.text)) return;
      const { text, matches: here } = edit(caption.text);
      matches += here;
      if (text === caption.text) return;
      if (caption.linked) obstacles.push(`${file.path}: its caption is a link`);
      if (Buffer.byteLength(text) > CAPTION_MAX_BYTES) obstacles.push(`${file.path}: it would be too long`);
      chars += caption.text.length + text.length;
      if (chars > CHANGED_MAX_CHARS) throw tooMany();
      found.push([path, { image: file.path, before: caption.text, after: text }]);
    });
  });
  found.sort(([, a], [, b]) => (a.image < b.image ? -1 : 1));
  if (found.length > CHANGES_MAX) throw tooMany();
  return { captions, withoutCaption, matches, changes: new Map(found), obstacles: obstacles.sort() };
}

function tooMany(): ToolError {
  return new ToolError("too_large", `More than ${CHANGES_MAX} captions would change at once`, {
    hint: "Use contains to change a part of them at a time",
  });
}

function obstacleText({ obstacles }: Plan): string {
  const more = obstacles.length > NAMES_SHOWN ? ` (and ${obstacles.length - NAMES_SHOWN} more)` : "";
  return `Captions that stand in the way: ${obstacles.slice(0, NAMES_SHOWN).join("; ")}${more}`;
}

function refuseObstacles(plan: Plan): void {
  if (plan.obstacles.length === 0) return;
  throw new ToolError("invalid_input", `Nothing was changed. ${obstacleText(plan)}`, {
    hint: "Mend these with set_captions, then call again",
  });
}
