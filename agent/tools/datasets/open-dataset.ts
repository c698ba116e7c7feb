// A data set as an open folder, by its name or by what a config may call it.
import { relative } from "node:path";
import { softError } from "../../../shared/errors.ts";
import { checkRelative, type Folder, folderInside, isInside, isMissing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";
import { resolveDatasetPath } from "./dataset-path.ts";

type Roots = Pick<Paths, "datasets" | "datasetRoots">;

/** @throws ToolError "Dataset not found", as the old server said it, when what `work` opens is not there */
export async function orNotFound<T>(work: Promise<T>, extra: Record<string, unknown> = {}): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw softError("not_found", "Dataset not found", extra, "list_datasets shows the datasets there are");
  }
}

/** @throws ToolError not_found, or invalid_input if it leads outside the folders that data sets may lie in */
export function openDataset(paths: Roots, name: string): Promise<Folder> {
  return orNotFound(
    folderInside(paths.datasets, checkRelative(name, "dataset"), "dataset", {
      alsoInside: paths.datasetRoots,
    }),
  );
}

/**
 * A folder given as in a config: a data set's name or an absolute path inside one of the roots.
 * @throws ToolError not_found or invalid_input
 */
export async function openDatasetPath(paths: Roots, given: string): Promise<Folder> {
  const path = await resolveDatasetPath(paths, given);
  const roots = [paths.datasets, ...paths.datasetRoots];
  const root = roots.find((each) => isInside(each, path)) ?? paths.datasets;
  return await folderInside(root, relative(root, path), "dataset", { alsoInside: roots }).catch(
    (error: unknown) => {
      if (!isMissing(error)) throw error;
      throw softError(
        "not_found",
        `There is no folder ${given}`,
        {},
        "list_datasets shows the folders there are",
      );
    },
  );
}
