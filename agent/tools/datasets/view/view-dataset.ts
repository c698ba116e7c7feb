// view_dataset: a page of pictures on one sheet, or one picture large; each with its caption.
import { basename, dirname } from "node:path";
import type * as v from "valibot";
import { softError } from "../../../../shared/errors.ts";
import type { Block } from "../../../../shared/fields.ts";
import type { viewDataset } from "../../../../shared/tools/dataset-view.ts";
import { atOnce } from "../../../files/at-once.ts";
import { closing, folderInside, isMissing } from "../../../files/sandbox.ts";
import { onPicture } from "../../../pictures/on-picture.ts";
import { smallJpeg } from "../../../pictures/small-jpeg.ts";
import { readCaption } from "../captions/caption-file.ts";
import { pageOfCaptions } from "../captions/get-captions.ts";
import { stemOf } from "../images.ts";
import { mediaKindOf } from "../media.ts";
import type { Roots } from "../walk-dataset.ts";
import { pictureOf } from "./picture.ts";

type Input = v.InferOutput<typeof viewDataset.input>;
type Output = v.InferInput<typeof viewDataset.output>;

/** Side of a picture alone, in pixels at most. */
const SINGLE_SIDE = 768;
const CELL = 224;
const GAP = 6;
const BACKGROUND = "#16181d";
/** In line for their turn; more would only keep those of other calls waiting. */
const AT_ONCE = 2;
/** Of a caption, in characters: the sheet is about the pictures. */
const CAPTION_CHARS = 300;

const text = (value: object): Block => ({ type: "text", text: JSON.stringify(value) });
const jpeg = (data: Buffer): Block => ({
  type: "image",
  data: data.toString("base64"),
  mimeType: "image/jpeg",
});

export async function viewOne(roots: Roots, name: string, file: string): Promise<Output> {
  try {
    const picture = await pictureOf(roots, name, file, SINGLE_SIDE);
    const caption = await captionOf(roots, name, file);
    return { content: [text({ dataset: name, file, caption }), jpeg(await smallJpeg(picture))] };
  } catch (error) {
    if (!isMissing(error)) throw error;
    const hint = "get_captions names the files of a dataset";
    throw softError("not_found", `There is no file ${file} in the dataset ${name}`, {}, hint);
  }
}

async function captionOf(roots: Roots, name: string, file: string): Promise<string | null> {
  const path = dirname(file) === "." ? "" : dirname(file);
  const opened = await folderInside(roots.datasets, path === "" ? name : `${name}/${path}`, "dataset", {
    alsoInside: roots.datasetRoots,
  });
  return closing(opened, async (folder) => {
    const caption = await readCaption(roots, name, { folder, path }, `${stemOf(basename(file))}.txt`);
    return caption.state === "text" ? caption.text : null;
  });
}

export async function viewPage(roots: Roots, input: Input, signal: AbortSignal): Promise<Output> {
  const { name, limit, cursor } = input;
  const page = await pageOfCaptions(roots, { name, limit, cursor, missing: false }, signal);
  const columns = Math.ceil(Math.sqrt(page.captions.length));
  const { sheet, missing } = await sheetOf(
    roots,
    name,
    page.captions.map(({ image }) => image),
    columns,
    signal,
  );
  return {
    content: [
      text({
        dataset: name,
        order: `row by row, ${columns} in a row`,
        files: page.captions.map(({ image, caption }) => ({
          file: image,
          caption: caption?.slice(0, CAPTION_CHARS).toWellFormed() ?? null,
          ...(missing.has(image) && { not_shown: "no picture, or one that cannot be read" }),
        })),
        total: page.total,
        next_cursor: page.next_cursor,
      }),
      ...(sheet ? [jpeg(sheet)] : []),
    ],
  };
}

interface Sheet {
  readonly sheet: Buffer | undefined;
  /** Files whose cell is empty. */
  readonly missing: ReadonlySet<string>;
}

async function sheetOf(
  roots: Roots,
  name: string,
  files: readonly string[],
  columns: number,
  signal: AbortSignal,
): Promise<Sheet> {
  const missing = new Set<string>();
  const cells: { readonly input: Buffer; readonly left: number; readonly top: number }[] = [];
  const at = (position: number) => GAP + position * (CELL + GAP);
  await atOnce(files.entries(), AT_ONCE, async ([index, file]) => {
    signal.throwIfAborted();
    const picture =
      mediaKindOf(file) === "image"
        ? await pictureOf(roots, name, file, CELL).catch(() => undefined)
        : undefined;
    if (!picture) {
      missing.add(file); // a video, or damaged, or gone meanwhile: its place stays empty
      return;
    }
    const input = await onPicture(() => picture.png({ compressionLevel: 1 }).toBuffer());
    cells.push({ input, left: at(index % columns), top: at(Math.floor(index / columns)) });
  });
  if (cells.length === 0) return { sheet: undefined, missing };
  const { default: sharp } = await import("sharp");
  const [width, height] = [at(columns), at(Math.ceil(files.length / columns))];
  const background = sharp({ create: { width, height, channels: 3, background: BACKGROUND } });
  return { sheet: await smallJpeg(background.composite(cells)), missing };
}
