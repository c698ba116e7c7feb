// One caption as the trainer reads it: UTF-8, the whole file (toolkit/dataloader_mixins.py, load_caption).
import { join } from "node:path";
import { ToolError } from "../../../../shared/errors.ts";
import { readStart, type Start } from "../../../files/read-start.ts";
import { closing, fileInside, hasCode, isMissing } from "../../../files/sandbox.ts";
import type { Roots, WalkedFolder } from "../walk-dataset.ts";

/** No caption is as long; a file that is was not meant as one. */
export const CAPTION_MAX_BYTES = 64 * 1024;

export type Caption =
  | { readonly state: "missing" }
  /** `bom`: a byte order mark came first, which the trainer takes for a part of the text. */
  | { readonly state: "text"; readonly text: string; readonly bom: boolean; readonly linked: boolean }
  | { readonly state: "unreadable"; readonly why: string; readonly linked: boolean };

const BOM = "\ufeff";
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Reads `name` in a folder of the data set `dataset`. Never follows a link out of the folders data sets may lie in. */
export async function readCaption(
  roots: Roots,
  dataset: string,
  { folder, path }: Pick<WalkedFolder, "folder" | "path">,
  name: string,
): Promise<Caption> {
  const start = await readStart(folder.at(name), CAPTION_MAX_BYTES).catch((error: Error) => error);
  return captionFrom(start) ?? (await readLinked(roots, join(dataset, path, name)));
}

/** @param start what reading the file has brought. undefined: it is a link. @throws the file system's errors */
export function captionFrom(start: Start | Error | undefined): Caption | undefined {
  if (hasCode(start, "ELOOP")) return undefined;
  if (isMissing(start)) return { state: "missing" };
  if (start instanceof Error) throw start;
  return parseCaption(start && start.size <= CAPTION_MAX_BYTES ? start.bytes : undefined, false);
}

/** One that is a link, wherever in the folders for data sets it leads. */
export async function readLinked({ datasets, datasetRoots }: Roots, path: string): Promise<Caption> {
  try {
    return await closing(
      await fileInside(datasets, path, "image file", { alsoInside: datasetRoots }),
      async ({ handle }) => {
        const { size } = await handle.stat();
        return parseCaption(size > CAPTION_MAX_BYTES ? undefined : await handle.readFile(), true);
      },
    );
  } catch (error) {
    if (isMissing(error)) return { state: "missing" };
    if (error instanceof ToolError)
      return { state: "unreadable", why: "a link that leads outside", linked: true };
    throw error;
  }
}

function parseCaption(bytes: Buffer | undefined, linked: boolean): Caption {
  if (!bytes || bytes.length > CAPTION_MAX_BYTES) {
    return { state: "unreadable", why: `no file of at most ${CAPTION_MAX_BYTES / 1024} KB`, linked };
  }
  try {
    const text = utf8.decode(bytes);
    const bom = text.startsWith(BOM);
    return { state: "text", text: bom ? text.slice(BOM.length) : text, bom, linked };
  } catch {
    // TextDecoder says no more than that.
    return { state: "unreadable", why: "not UTF-8", linked };
  }
}
