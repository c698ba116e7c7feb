// Where models lie, and which file a client's name means.
import type { BigIntStats } from "node:fs";
import { readdir, realpath, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { ToolError } from "../../../shared/errors.ts";
import { fileInside, isInside, isMissing, type OpenedFile } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";
import { CACHE_FOLDERS, CONTROLS } from "../datasets/trainer-caches.ts";

/** In the order in which the old server looked for them. */
export const MODEL_EXTENSIONS = [".safetensors", ".ckpt", ".pt"] as const;

/** D3: beside every checkpoint lies the optimizer's state, which has a model's extension and is none. */
const OPTIMIZER = "optimizer.pt";

const SKIPPED_FOLDERS: ReadonlySet<string> = new Set([...CACHE_FOLDERS, CONTROLS, "samples"]);

/** The folder names below AI_TOOLKIT_PATH that hold models: exported ones first, then what runs write (D1). */
const ROOTS = ["outputs", "output"] as const;
type Root = (typeof ROOTS)[number];
type ModelPaths = Pick<Paths, Root>;

export interface ModelFile {
  readonly root: Root;
  /** Path below the root. */
  readonly relative: string;
}

export interface ListedModel extends ModelFile {
  /** Absolute, as the owner named the root. */
  readonly path: string;
  readonly stats: BigIntStats;
}

export function isModelName(fileName: string): boolean {
  return fileName !== OPTIMIZER && !fileName.startsWith(".") && extensionOf(fileName) !== undefined;
}

/** The model extension a name ends in. `v1.5` has none. */
export function extensionOf(name: string): string | undefined {
  return MODEL_EXTENSIONS.find((extension) => extname(name) === extension);
}

/** File name without its model extension: the `name` by which clients know a model. */
export function stemOf(path: string): string {
  return basename(path, extensionOf(path));
}

/** Every model in both roots, in no particular order. */
export async function listModels(paths: ModelPaths): Promise<ListedModel[]> {
  const realRoots = await realRootsOf(paths);
  const found: ListedModel[] = [];
  for (const [root, realRoot] of realRoots) {
    const allowed = [...realRoots.values()];
    for (const relative of await walk(realRoot)) {
      const stats = await statAllowed(join(realRoot, relative), allowed);
      if (stats?.isFile()) found.push({ root, relative, path: join(paths[root], relative), stats });
    }
  }
  return found;
}

/** Roots that exist. `output` as a link to `outputs`, an old remedy for D1, counts once. */
async function realRootsOf(paths: ModelPaths): Promise<Map<Root, string>> {
  const realRoots = new Map<Root, string>();
  for (const root of ROOTS) {
    const real = await realpath(paths[root]).catch(missingAsUndefined);
    if (real !== undefined && ![...realRoots.values()].includes(real)) realRoots.set(root, real);
  }
  return realRoots;
}

/** Paths below `folder` of everything that is named like a model. Linked folders are not followed. */
async function walk(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const pending = [""]; ; ) {
    const relative = pending.pop();
    if (relative === undefined) return found;
    const entries =
      (await readdir(join(folder, relative), { withFileTypes: true }).catch(missingAsUndefined)) ?? [];
    for (const entry of entries) {
      const path = join(relative, entry.name);
      if (!entry.isDirectory()) {
        if (isModelName(entry.name)) found.push(path);
      } else if (!entry.name.startsWith(".") && !SKIPPED_FOLDERS.has(entry.name)) {
        pending.push(path);
      }
    }
  }
}

/** undefined: gone meanwhile, or a link that leads out of the roots. */
async function statAllowed(path: string, realRoots: readonly string[]): Promise<BigIntStats | undefined> {
  const real = await realpath(path).catch(missingAsUndefined);
  if (real === undefined || !realRoots.some((root) => isInside(root, real))) return undefined;
  return await stat(real, { bigint: true }).catch(missingAsUndefined);
}

function missingAsUndefined(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}

/**
 * The files that a client's name may mean, the likeliest first; empty for a name that no model can have.
 *
 * A path below one of the roots, with or without extension, means that file: in `outputs` before `output`, .safetensors
 * before .ckpt before .pt. With `outputs/` or `output/` in front it means that root alone. Else it is a bare name that
 * any folder may hold: `outputs` before `output`, the newest first.
 */
export async function findModels(paths: ModelPaths, name: string): Promise<ModelFile[]> {
  for (const candidate of candidatesOf(name)) {
    const opened = await openModel(paths, candidate);
    if (!opened) continue;
    await opened[Symbol.asyncDispose]();
    return [candidate];
  }
  if (name.includes("/")) return [];
  const named = (await listModels(paths)).filter(
    ({ relative }) => stemOf(relative) === name || basename(relative) === name,
  );
  return named.sort(
    (a, b) => ROOTS.indexOf(a.root) - ROOTS.indexOf(b.root) || Number(b.stats.mtimeNs - a.stats.mtimeNs),
  );
}

function candidatesOf(name: string): ModelFile[] {
  const inRoots = (roots: readonly Root[], path: string) => [
    ...roots.map((root) => ({ root, relative: path })),
    ...roots.flatMap((root) =>
      MODEL_EXTENSIONS.map((extension) => ({ root, relative: `${path}${extension}` })),
    ),
  ];
  const [first, ...rest] = name.split("/");
  const named = ROOTS.filter((root) => root === first && rest.length > 0);
  const all = [...inRoots(ROOTS, name), ...inRoots(named, rest.join("/"))];
  return all.filter(({ relative }) => isModelName(basename(relative)));
}

export interface OpenedModel extends ListedModel, AsyncDisposable {
  readonly file: OpenedFile;
}

/** Opens a model for reading; undefined if it is not there, not a file, or leads out of the roots. */
export async function openModel(
  paths: ModelPaths,
  { root, relative }: ModelFile,
): Promise<OpenedModel | undefined> {
  try {
    // A link from one root into the other is fine: that is how some people "export".
    const file = await fileInside(paths[root], relative, "model", { alsoInside: rootsOf(paths) });
    const close = () => file[Symbol.asyncDispose]();
    const stats = await file.handle
      .stat({ bigint: true })
      .catch((error: unknown) => close().then(() => Promise.reject(error)));
    return { root, relative, path: join(paths[root], relative), stats, file, [Symbol.asyncDispose]: close };
  } catch (error) {
    if (isMissing(error) || error instanceof ToolError) return undefined;
    throw error;
  }
}

/** The folders that models may lie in, and links between models lead to. */
export function rootsOf(paths: ModelPaths): string[] {
  return ROOTS.map((root) => paths[root]);
}
