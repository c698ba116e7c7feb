// Gives an unpacked upload its name: a whole new data set in one step, or file by file into one that is there.
import { randomUUID } from "node:crypto";
import { copyFile, readdir, rename, rm, unlink } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ToolError } from "../../../shared/errors.ts";
import { claim, placeFile, syncFolder } from "../../files/atomic.ts";
import { identityOf } from "../../files/identity.ts";
import { moveHidden } from "../../files/move.ts";
import {
  closing,
  type Folder,
  folderInside,
  hasCode,
  isMissing,
  removeMadeFolders,
  splitPath,
} from "../../files/sandbox.ts";
import { syncAll } from "../../files/sync-all.ts";
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

/**
 * @param announce told what comes, right before: a crash may lie between the two. With the path of what will get the data
 * set's name; without one when files are added
 * @param earlier hidden folders of tries before, which may have given names to some of the same files
 * @throws ToolError conflict when the data set is there and must not be touched
 */
export async function publish(
  tree: Tree,
  { dataset, on_conflict }: Pick<UploadPurpose, "dataset" | "on_conflict">,
  parts: PublishParts,
  announce: (published: Published, path?: string) => Promise<void>,
  earlier: readonly string[],
): Promise<Published> {
  await tree.settled();
  const root = await tree.root();
  const path = join(tree.path, root);
  const files = tree.taken.map((each) => ({
    kind: each.kind,
    path: root === "" ? each.path : each.path.slice(root.length + 1),
  }));
  if (on_conflict === "append" && (await datasetExists(parts.datasets, dataset))) {
    await announce({ ...counts(files), trashId: undefined });
    const placed = await append(path, files, dataset, tree, parts, await thoseThere(earlier, root));
    return { ...placed, trashId: undefined };
  }
  const { folder: parent, name } = splitPath(dataset);
  const made: string[] = [];
  const onCreate = (path: string) => made.push(path);
  const opened = await folderInside(parts.datasets, parent, "dataset", { create: true, onCreate });
  return await closing(opened, async (folder) => {
    // A folder of data sets may lie on another disk. Under the tree's own name it is known as in use there, too.
    const hidden = parent === "" ? path : folder.at(basename(tree.path));
    try {
      const exists = await isThere(folder, name);
      if (exists && on_conflict !== "replace") throw taken(dataset);
      if (hidden !== path && (await moveHidden(path, hidden)))
        await syncAll(
          join(folder.path, basename(hidden)), // another program syncs it
          files.map((each) => each.path),
        );
      const published = { ...counts(files), trashId: exists ? randomUUID() : undefined };
      await announce(published, hidden);
      if (published.trashId) await setAside(folder, name, dataset, parts, published.trashId);
      await rename(hidden, folder.at(name));
      await syncFolder(folder);
      return published;
    } catch (error) {
      await rm(hidden, { recursive: true, force: true });
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
  return (await datasetIdentity(datasets, dataset)) !== undefined;
}

/** Is the data set of this name that very folder? */
export async function datasetIs(datasets: string, dataset: string, identity: string): Promise<boolean> {
  return (await datasetIdentity(datasets, dataset)) === identity;
}

async function datasetIdentity(datasets: string, dataset: string): Promise<string | undefined> {
  const { folder, name } = splitPath(dataset);
  try {
    return await closing(await folderInside(datasets, folder, "dataset"), (opened) =>
      identityOf(opened.at(name)),
    );
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

async function isThere(folder: Folder, name: string): Promise<boolean> {
  return (await identityOf(folder.at(name))) !== undefined;
}

async function setAside(
  folder: Folder,
  name: string,
  dataset: string,
  parts: PublishParts,
  trashId: string,
): Promise<void> {
  const paths = [join(parts.datasets, dataset), join(folder.path, name)];
  await refuseInUse(parts.inUse, dataset, paths, ", then send it again");
  await parts.trash.put("dataset", dataset, folder, [name], trashId);
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
  earlier: readonly string[],
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
      if (target.names.has(name) && (await isOurs(earlier, file.path, target.folder.at(name)))) {
        placed.push(file);
        continue;
      }
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

async function thoseThere(trees: readonly string[], root: string): Promise<string[]> {
  const paths: string[] = [];
  for (const tree of trees) if (await identityOf(tree)) paths.push(join(tree, root));
  return paths;
}

/** Got a file its name from a try before? It then has both names still, or lies no longer where it lay: see `claim`. */
async function isOurs(earlier: readonly string[], path: string, target: string): Promise<boolean> {
  for (const tree of earlier) {
    const was = await identityOf(join(tree, path));
    if (was === undefined || was === (await identityOf(target))) return true;
  }
  return false;
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
    await claimAnywhere(from, folder, name);
    return true;
  } catch (error) {
    if (hasCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** As `claim`, also when a data set is a disk of its own. */
async function claimAnywhere(from: string, folder: Folder, name: string): Promise<void> {
  try {
    await claim(from, folder.at(name));
  } catch (error) {
    if (!hasCode(error, "EXDEV")) throw error;
    await placeFile(folder, name, { overwrite: false }, (temporary) => copyFile(from, temporary));
    await unlink(from); // see isOurs
  }
}
