// Which folder a `dataset_path` means, and whether a config may point there.
import { lstat, realpath, stat } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { invalid, type ToolError } from "../../../shared/errors.ts";
import { checkRelative, isInside, isMissing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";

type Roots = Pick<Paths, "datasets" | "datasetRoots">;

/**
 * The absolute folder that a data set's name, a path below the data sets folder, or an absolute path inside an allowed
 * folder means. It need not exist yet: configs may be written before their images arrive.
 * @throws ToolError invalid_input, which says what is allowed, for everything else
 */
export async function resolveDatasetPath(paths: Roots, given: string): Promise<string> {
  const trimmed = given.replace(/(?<=[^/])\/+$/, "");
  const path = isAbsolute(trimmed) ? absolutePath(trimmed) : await namedPath(paths, trimmed);
  const roots = [paths.datasets, ...paths.datasetRoots];
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  const root = [...roots, ...realRoots].find((each) => isInside(each, path));
  if (!root) throw outside(paths, given);
  if (path === paths.datasets || path === realRoots[0]) {
    throw invalid(`Invalid dataset path: ${given} is the folder of all datasets; add the dataset's name`);
  }
  if (path !== root) checkRelative(relative(root, path), "dataset");
  const real = await realPathOfExistingPart(path, given);
  if (!realRoots.some((each) => isInside(each, real))) throw outside(paths, given);
  return path;
}

function absolutePath(given: string): string {
  // resolve() would take `..` out of the text before a symlink in front of it is followed.
  if (given.split("/").includes(".."))
    throw invalid("Invalid dataset path: parent directory references not allowed");
  return resolve(given);
}

/** The old server ran in AI_TOOLKIT_PATH, where `datasets/x` led to the data set x. */
async function namedPath({ datasets }: Roots, given: string): Promise<string> {
  const path = join(datasets, checkRelative(given, "dataset"));
  const [first, ...rest] = given.split("/");
  if (first !== "datasets" || rest.length === 0 || (await exists(join(datasets, "datasets")))) return path;
  return join(datasets, ...rest);
}

async function exists(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    (error: unknown) => {
      if (isMissing(error)) return false;
      throw error;
    },
  );
}

async function realPathOfExistingPart(path: string, given: string): Promise<string> {
  let existing = path;
  while (!(await exists(existing))) existing = dirname(existing);
  const isFolder = await stat(existing).then(
    (stats) => stats.isDirectory(),
    (error: unknown) => {
      if (isMissing(error)) return false; // a link that leads nowhere today, and anywhere tomorrow
      throw error;
    },
  );
  if (!isFolder) throw invalid(`Invalid dataset path: ${given} is not a folder`);
  return await realpath(existing);
}

function outside({ datasets, datasetRoots }: Roots, given: string): ToolError {
  const allowed = [datasets, ...datasetRoots].join(", ");
  const [, rest] = /^.*?\/datasets\/(.+)$/.exec(given) ?? [];
  const suggestion = rest && isAbsolute(given) ? `Did you mean ${join(datasets, rest)}? ` : "";
  return invalid(
    `Invalid dataset path: ${given} is outside the folders that datasets may lie in (${allowed}); give a dataset's name or a path inside one of them`,
    `${suggestion}Start the agent with --dataset-root FOLDER or MCP_AI_TOOLKIT_DATASET_ROOTS to allow another folder`,
  );
}
