// Gives an unpacked upload its name: a whole new data set in one step, or file by file into one that is there.
import { lstat, readdir, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ToolError } from "../../../shared/errors.ts";
import { claim, syncFolder } from "../../files/atomic.ts";
import {
  closing,
  type Folder,
  folderInside,
  hasCode,
  isMissing,
  removeMadeFolders,
  splitPath,
} from "../../files/sandbox.ts";
import type { Trash } from "../../files/trash.ts";
import type { InUse } from "../../in-use.ts";
import { Names } from "../../tools/datasets/folder-names.ts";
import { stemOf } from "../../tools/datasets/images.ts";
import { refuseInUse } from "../../tools/datasets/refuse-in-use.ts";
import type { UploadPurpose } from "../link-store.ts";
import type { Taken } from "./intake.ts";
import type { Tree } from "./tree.ts";

export interface PublishParts {
  readonly datasets: string;
  readonly trash: Trash;
  readonly inUse: InUse;
}

export interface Published {
  readonly media: number;
  readonly captions: number;
  /** Of the data set that was replaced. */
  readonly trashId: string | undefined;
}

/** @throws ToolError conflict when the data set is there and must not be touched */
export async function publish(
  tree: Tree,
  { dataset, on_conflict }: Pick<UploadPurpose, "dataset" | "on_conflict">,
  parts: PublishParts,
): Promise<Published> {
  await tree.settled();
  const root = await tree.root();
  const files = tree.taken.map(({ path, kind }) => ({
    kind,
    path: root === "" ? path : path.slice(root.length + 1),
  }));
  if (on_conflict === "append" && (await datasetExists(parts.datasets, dataset))) {
    return { ...(await append(join(tree.path, root), files, dataset, tree, parts)), trashId: undefined };
  }
  const { folder: parent, name } = splitPath(dataset);
  const made: string[] = [];
  const onCreate = (path: string) => made.push(path);
  const opened = await folderInside(parts.datasets, parent, "dataset", { create: true, onCreate });
  return await closing(opened, async (folder) => {
    try {
      const exists = await isThere(folder, name);
      if (exists && on_conflict !== "replace") throw taken(dataset);
      const trashId = exists ? await setAside(folder, name, dataset, parts) : undefined;
      await rename(join(tree.path, root), folder.at(name));
      await syncFolder(folder);
      return { ...counts(files), trashId };
    } catch (error) {
      await removeMadeFolders(made);
      throw hasCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR") ? taken(dataset) : error; // it came this moment
    }
  });
}

export const taken = (dataset: string) =>
  new ToolError("conflict", `The dataset ${dataset} exists`, {
    hint: 'Make a link with another name, or with on_conflict "append" or "replace"',
  });

export async function datasetExists(datasets: string, dataset: string): Promise<boolean> {
  const { folder, name } = splitPath(dataset);
  try {
    return await closing(await folderInside(datasets, folder, "dataset"), (opened) => isThere(opened, name));
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function isThere(folder: Folder, name: string): Promise<boolean> {
  return await lstat(folder.at(name)).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

async function setAside(folder: Folder, name: string, dataset: string, parts: PublishParts): Promise<string> {
  const paths = [join(parts.datasets, dataset), join(folder.path, name)];
  await refuseInUse(parts.inUse, dataset, paths, ", then send it again");
  return await parts.trash.put("dataset", dataset, folder, [name]);
}

const counts = (files: readonly Taken[]) => ({
  media: files.filter(({ kind }) => kind === "media").length,
  captions: files.filter(({ kind }) => kind === "caption").length,
});

const stemPath = (path: string) => join(dirname(path), stemOf(basename(path)));

/** New files only. A caption comes with its picture, or to one that has none. */
async function append(
  from: string,
  files: readonly Taken[],
  dataset: string,
  { intake }: Tree,
  { datasets }: PublishParts,
): Promise<Omit<Published, "trashId">> {
  const folders = new Map<string, { readonly folder: Folder; readonly names: Names }>();
  const left = new Set<string>();
  const placed: Taken[] = [];
  try {
    const ordered = [...files].sort((a, b) => Number(a.kind === "caption") - Number(b.kind === "caption"));
    for (const file of ordered) {
      const { folder, name } = splitPath(file.path);
      const target = folders.get(folder) ?? (await openTarget(datasets, join(dataset, folder)));
      folders.set(folder, target);
      const problem =
        file.kind === "caption" && left.has(stemPath(file.path))
          ? "its picture was not taken"
          : problemOf(target.names, name, file.kind);
      if (problem === undefined && (await placeNew(join(from, file.path), target.folder, name))) {
        target.names.add(name);
        placed.push(file);
        continue;
      }
      left.add(stemPath(file.path));
      intake.fail(file.path, problem ?? "it exists");
    }
    for (const { folder } of folders.values()) await syncFolder(folder);
  } finally {
    for (const { folder } of folders.values()) await folder[Symbol.asyncDispose]();
  }
  return counts(placed);
}

async function openTarget(datasets: string, path: string) {
  const folder = await folderInside(datasets, path, "dataset", { create: true });
  return { folder, names: new Names(await readdir(folder.at("."))) };
}

function problemOf(names: Names, name: string, kind: Taken["kind"]): string | undefined {
  if (names.has(name)) return "it exists";
  const twin = names.twinOf(name);
  if (twin) return `it differs only in case or accents from the existing ${twin}`;
  const partner = kind === "media" ? names.partnerOf(name) : undefined;
  return (
    partner && `${partner} exists and would share its caption file ${stemOf(name)}.txt; use another name`
  );
}

/** @returns false when another was quicker */
async function placeNew(from: string, folder: Folder, name: string): Promise<boolean> {
  try {
    await claim(from, folder.at(name));
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}
