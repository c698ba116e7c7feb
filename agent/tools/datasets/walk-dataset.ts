// The folders of a data set that ai-toolkit's loader walks, each opened: what is read through them lies where it should.
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { ToolError } from "../../../shared/errors.ts";
import { closing, type Folder, folderInside, isMissing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";
import { stemOf } from "./images.ts";
import { type MediaKind, mediaKindOf } from "./media.ts";
import { CACHE_FOLDERS, CONTROLS } from "./trainer-caches.ts";

export type Roots = Pick<Paths, "datasets" | "datasetRoots">;

export interface WalkedFolder {
  /** Below the data set; "" is the data set itself. */
  readonly path: string;
  readonly folder: Folder;
  /** Sorted by name; without the hidden ones, which the trainer passes over. */
  readonly entries: readonly Dirent[];
}

/**
 * Visits the data set's folder and all below it, sorted. Links are not followed.
 * @throws ENOENT when there is no such data set; a sub-folder that vanishes meanwhile is left out
 * @returns paths of folders that have a name which no tool accepts
 */
export async function walkDataset(
  { datasets, datasetRoots }: Roots,
  name: string,
  signal: AbortSignal,
  visit: (folder: WalkedFolder) => Promise<void>,
): Promise<string[]> {
  const odd: string[] = [];
  const pending = [""];
  for (let path = pending.shift(); path !== undefined; path = pending.shift()) {
    signal.throwIfAborted();
    const opened = await folderInside(datasets, join(name, path), "dataset", {
      alsoInside: datasetRoots,
    }).catch((error: unknown) => {
      if (path === "" || !(error instanceof ToolError || isMissing(error))) throw error;
      if (error instanceof ToolError) odd.push(path);
      return undefined;
    });
    if (!opened) continue;
    const subFolders = await closing(opened, async (folder) => {
      const entries = (await readdir(folder.at("."), { withFileTypes: true }))
        .filter((entry) => !entry.name.startsWith("."))
        .sort((a, b) => (a.name < b.name ? -1 : 1));
      await visit({ path, folder, entries });
      return entries.filter((entry) => entry.isDirectory() && !CACHE_FOLDERS.has(entry.name));
    });
    pending.unshift(...subFolders.map((entry) => join(path, entry.name)));
  }
  return odd;
}

/** A file that the trainer takes up, with whatever success. */
export interface MediaFile {
  /** Below the data set. */
  readonly path: string;
  readonly name: string;
  readonly kind: MediaKind;
  /** Name of its caption file, which lies in the same folder. */
  readonly caption: string;
}

export function mediaIn({ path, entries }: WalkedFolder): MediaFile[] {
  if (basename(path) === CONTROLS) return [];
  return entries.flatMap((entry): MediaFile[] => {
    const { name } = entry;
    const kind = mediaKindOf(name);
    if (!kind || !(entry.isFile() || entry.isSymbolicLink())) return [];
    return [{ path: join(path, name), name, kind, caption: `${stemOf(name)}.txt` }];
  });
}
