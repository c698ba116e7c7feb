// The one door between a client's names and the disk. A name is judged as text first; then the folder or file is
// opened, and what was really opened must lie inside the root. Work goes on through that descriptor, so swapping a
// folder for a symlink between check and use changes nothing.
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, readlink, realpath, rmdir } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative, sep } from "node:path";
import { invalid, type ToolError } from "../../shared/errors.ts";

/** What a path is for; the word in the old server's messages. */
export type Kind = "config" | "dataset" | "image file" | "model" | "output";

const CONTEXT: Record<Kind, string> = {
  config: "Invalid config name",
  dataset: "Invalid dataset name",
  "image file": "Invalid file name",
  model: "Invalid model name",
  output: "Invalid output path",
};

/** Linux's limit for one component. */
const COMPONENT_MAX_BYTES = 255;
/** Leaves room below Linux's 4,096 bytes for the root and for extensions. */
const PATH_MAX_BYTES = 1024;

function complaint(path: string, kind: Kind): string | undefined {
  const traversal = `Path traversal attempt detected: Invalid ${kind} path:`;
  if (path === "") return "Empty path provided";
  if (isAbsolute(path)) return "Absolute path not allowed";
  const parts = path.split("/");
  if (parts.includes("..")) return `${traversal} parent directory references not allowed`;
  if (path === "." || path === "./")
    return `Invalid path: Invalid ${kind} path: current directory reference not allowed`;
  if (parts[0] === ".") return `${traversal} relative directory reference not allowed`;
  const wrong = `Invalid path: Invalid ${kind} path:`;
  if (/[\u0000-\u001f\u007f-\u009f]/.test(path)) return `${wrong} control characters not allowed`;
  // The disk would store U+FFFD instead: another name than the one that was checked.
  if (!path.isWellFormed()) return `${wrong} not valid Unicode`;
  if (path.includes("\\")) return `${wrong} use / between folders, not \\`;
  if (parts.some((part) => part === "" || part === ".")) return `${wrong} empty component`;
  if (parts.some((part) => part.startsWith(".")))
    return `${wrong} names that start with a dot are hidden and not allowed`;
  if (parts.some((part) => Buffer.byteLength(part) > COMPONENT_MAX_BYTES)) {
    return `${wrong} a name is longer than ${COMPONENT_MAX_BYTES} bytes`;
  }
  if (Buffer.byteLength(path) > PATH_MAX_BYTES) return `${wrong} longer than ${PATH_MAX_BYTES} bytes`;
  return undefined;
}

/**
 * A client's name or relative path, unchanged, if its text is acceptable. Sub-folders are (`a/b`).
 * @throws ToolError invalid_input with the old server's wording
 */
export function checkRelative(path: string, kind: Kind): string {
  const problem = complaint(path, kind);
  if (problem) throw invalid(`${CONTEXT[kind]}: ${problem}`);
  return path;
}

export function isInside(root: string, path: string): boolean {
  const way = relative(root, path);
  return way === "" || (way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way));
}

function escaped(kind: Kind): ToolError {
  return invalid(
    `${CONTEXT[kind]}: Path traversal attempt detected: Invalid ${kind} path: traversal attempt detected`,
  );
}

/** Where an open descriptor really points; on systems without /proc, where its path points now. */
async function realPathOf(handle: FileHandle, path: string): Promise<string> {
  return process.platform === "linux" ? await readlink(`/proc/self/fd/${handle.fd}`) : await realpath(path);
}

/** An open folder inside a root. `at(name)` addresses an entry of exactly this folder, wherever its path leads now. */
export class Folder implements AsyncDisposable {
  readonly #handle: FileHandle;
  /** Its real path, for messages and for programs that we start. */
  readonly path: string;

  constructor(handle: FileHandle, path: string) {
    this.#handle = handle;
    this.path = path;
  }

  at(name: string): string {
    // Anything deeper would be resolved by the system, symlinks included.
    if (name.includes("/") || name === "..") throw new Error(`Not an entry of a folder: ${name}`);
    return join(process.platform === "linux" ? `/proc/self/fd/${this.#handle.fd}` : this.path, name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}

export interface InsideOptions {
  /** Further folders that a symlink below the root may lead into. */
  readonly alsoInside?: readonly string[] | undefined;
}

export interface FolderOptions extends InsideOptions {
  readonly create?: boolean | undefined;
  /** Told the path of each folder that had to be made. */
  readonly onCreate?: ((path: string) => void) | undefined;
}

/** The root's real path, then those of the further folders that exist. */
async function realRootsOf(root: string, { alsoInside = [] }: InsideOptions): Promise<[string, ...string[]]> {
  const further = await Promise.all(alsoInside.map((each) => realpath(each).catch(() => undefined))); // missing: nothing leads there
  return [await realpath(root), ...further.filter((each) => each !== undefined)];
}

async function openFolder(path: string, realRoots: readonly string[], kind: Kind): Promise<Folder> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const real = await realPathOf(handle, path);
    if (!realRoots.some((root) => isInside(root, real))) throw escaped(kind);
    return new Folder(handle, real);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Makes `parent`/`name` if it is not there yet, and opens it. */
async function makeFolder(
  parent: Folder,
  name: string,
  realRoots: readonly string[],
  kind: Kind,
  onCreate: FolderOptions["onCreate"],
): Promise<Folder> {
  try {
    await mkdir(parent.at(name));
    onCreate?.(join(parent.path, name));
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  try {
    return await openFolder(parent.at(name), realRoots, kind);
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw invalid(`${CONTEXT[kind]}: ${name} exists and is not a folder`); // a file, or a link that leads nowhere
  }
}

/**
 * Opens `root`/`path` as a folder; "" is the root itself. With `create`, missing folders are made one by one, each
 * inside the one already opened.
 * @throws ToolError invalid_input if it leads outside; the file system's own error (ENOENT, ENOTDIR) otherwise
 */
export async function folderInside(
  root: string,
  path: string,
  kind: Kind,
  { create = false, onCreate, ...inside }: FolderOptions = {},
): Promise<Folder> {
  const parts = path === "" ? [] : checkRelative(path, kind).split("/");
  if (create) await mkdir(root, { recursive: true });
  const realRoots = await realRootsOf(root, inside);
  let folder = await openFolder(realRoots[0], realRoots, kind);
  for (const part of parts) {
    const parent = folder;
    try {
      folder = create
        ? await makeFolder(parent, part, realRoots, kind, onCreate)
        : await openFolder(parent.at(part), realRoots, kind);
    } finally {
      await parent[Symbol.asyncDispose]();
    }
  }
  return folder;
}

/** Takes folders back that `onCreate` told of, the deepest first, unless something lies in them by now. */
export async function removeMadeFolders(made: readonly string[]): Promise<void> {
  for (const path of made.toReversed()) {
    await rmdir(path).catch((error: unknown) => {
      if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOENT")) throw error;
    });
  }
}

export interface OpenedFile extends AsyncDisposable {
  readonly handle: FileHandle;
  /** Real path of what was opened. */
  readonly path: string;
}

/**
 * Opens a file below `root` for reading.
 * @throws ToolError invalid_input if it leads outside or is no regular file; ENOENT where there is none
 */
export async function fileInside(
  root: string,
  path: string,
  kind: Kind,
  options: InsideOptions = {},
): Promise<OpenedFile> {
  checkRelative(path, kind);
  const realRoots = await realRootsOf(root, options);
  const full = join(realRoots[0], path);
  const notAFile = `${CONTEXT[kind]}: ${path} is not a file`;
  // O_NONBLOCK: opening a fifo that someone put there must not hang us.
  const handle = await open(full, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw hasCode(error, "ENXIO") ? invalid(notAFile) : error; // a socket
  });
  try {
    const real = await realPathOf(handle, full);
    if (!realRoots.some((each) => isInside(each, real))) throw escaped(kind);
    if (!(await handle.stat()).isFile()) throw invalid(notAFile);
    return { handle, path: real, [Symbol.asyncDispose]: () => handle.close() };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Works with what was opened, and closes it whatever happens. (`await using` needs a newer Node than we ask for.) */
export async function closing<R extends AsyncDisposable, T>(
  opened: R,
  work: (opened: R) => Promise<T>,
): Promise<T> {
  try {
    return await work(opened);
  } finally {
    await opened[Symbol.asyncDispose]();
  }
}

/** `a/b/c` as its folder (`a/b`, may be "") and its last name. */
export function splitPath(path: string): { folder: string; name: string } {
  const folder = dirname(path);
  return { folder: folder === "." ? "" : folder, name: basename(path) };
}

/** Is it a system error with one of these codes? */
export function hasCode(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof Error && "code" in error && codes.some((code) => error.code === code);
}

/** Nothing is there: no such entry, a file where a folder should be, or links that go round in a circle. */
export function isMissing(error: unknown): boolean {
  return hasCode(error, "ENOENT", "ENOTDIR", "ELOOP");
}
