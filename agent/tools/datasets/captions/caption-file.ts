// One caption as the trainer reads it: UTF-8, the whole file (toolkit/dataloader_mixins.py, load_caption).
import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { ToolError } from "../../../../shared/errors.ts";
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
  try {
    const bytes = await readBytes(folder.at(name));
    return parseCaption(bytes, false);
  } catch (error) {
    if (isMissing(error) && !hasCode(error, "ELOOP")) return { state: "missing" };
    if (hasCode(error, "ELOOP")) return await readLinked(roots, join(dataset, path, name));
    throw error;
  }
}

/** @throws ELOOP for a link; undefined for what is too long or no file */
async function readBytes(path: string): Promise<Buffer | undefined> {
  // O_NONBLOCK: a fifo must not hang us.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
    (error: unknown) => {
      if (hasCode(error, "ENXIO")) return undefined; // a socket
      throw error;
    },
  );
  if (!handle) return undefined;
  try {
    const stats = await handle.stat();
    if (!stats.isFile() || stats.size > CAPTION_MAX_BYTES) return undefined;
    // readFile() would ask for the size again and read once more to find the end: a third of the time, for thousands.
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(stats.size), 0, stats.size, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function readLinked({ datasets, datasetRoots }: Roots, path: string): Promise<Caption> {
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
