// delete_model: the files of one model go to the trash together.
import { lstat, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type * as v from "valibot";
import { ToolError } from "../../../shared/errors.ts";
import type { deleteModel } from "../../../shared/tools/models.ts";
import { closing, type Folder, folderInside, isMissing, splitPath } from "../../files/sandbox.ts";
import type { Trash } from "../../files/trash.ts";
import type { InUse } from "../../in-use.ts";
import type { Paths } from "../../paths.ts";
import { findModels, isModelName, MODEL_EXTENSIONS, rootsOf, stemOf } from "./model-files.ts";

type Output = v.InferInput<typeof deleteModel.output>;

export interface DeleteParts {
  readonly paths: Paths;
  readonly inUse: InUse;
  readonly trash: Trash;
}

/**
 * Moves the model that `name` means to the trash: that file if the name has its extension, else every format of it in
 * that folder, as the old server did.
 * @returns undefined if there is none
 * @throws ToolError conflict if a run uses it, or the bare name means models in several folders
 */
export async function moveToTrash(
  { paths, inUse, trash }: DeleteParts,
  name: string,
): Promise<Output | undefined> {
  const found = await findModels(paths, name);
  const [best] = found;
  if (!best) return undefined;
  // Reading the likeliest of several is a fair guess; deleting it is not.
  const candidates = found.map(({ root, relative }) => `${root}/${relative}`);
  if (new Set(candidates.map((each) => dirname(each))).size > 1) {
    throw new ToolError("conflict", `Several models are called ${name}: ${candidates.join(", ")}`, {
      hint: "Delete one of these paths",
    });
  }
  const { root, relative } = best;
  const { folder: subFolder, name: file } = splitPath(relative);
  const formats = MODEL_EXTENSIONS.map((extension) => `${stemOf(file)}${extension}`);
  const wanted = basename(name) === file ? [file] : formats.filter(isModelName);
  const opened = await folderInside(paths[root], subFolder, "model", { alsoInside: rootsOf(paths) });
  return await closing(opened, async (folder) => {
    const names = await presentOf(folder, wanted);
    if (names.length === 0) return undefined;
    const files = names.map((each) => join(paths[root], subFolder, each));
    await refuseInUse(inUse, name, folder, names, files);
    return { deleted: name, success: true, trash_id: await trash.put("model", name, folder, names), files };
  });
}

/** Those that are files, or links to some. */
async function presentOf(folder: Folder, names: readonly string[]): Promise<string[]> {
  const present: string[] = [];
  for (const name of names) {
    const stats = await lstat(folder.at(name)).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
    if (stats && (stats.isFile() || stats.isSymbolicLink())) present.push(name);
  }
  return present;
}

async function refuseInUse(
  inUse: InUse,
  name: string,
  folder: Folder,
  names: readonly string[],
  files: readonly string[],
): Promise<void> {
  const targets = await Promise.all(names.map((each) => realpath(folder.at(each)).catch(() => undefined))); // dangling link
  const user = await inUse.userOf([...files, ...targets.filter((each) => each !== undefined)]);
  if (!user) return;
  throw new ToolError("conflict", `The model ${name} lies in the output folder of ${user.title}`, {
    hint: `${user.remedy} or wait until it has finished, then delete again`,
  });
}
