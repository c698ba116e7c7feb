// Files that appear whole or not at all.
import { randomUUID } from "node:crypto";
import { link, open, rename, unlink } from "node:fs/promises";
import { atOnce } from "./at-once.ts";
import { type Folder, hasCode } from "./sandbox.ts";

/** Marks files that are still being written; every list leaves them out, every start removes old ones. */
export const PARTIAL_PREFIX = ".partial-";

export interface PlaceOptions {
  /** false: an existing file of that name is kept and EEXIST is thrown. */
  readonly overwrite: boolean;
}

/**
 * Lets `fill` write a temporary file in `folder`, syncs it, then gives it its name in one step.
 * @throws EEXIST when the name is taken and `overwrite` is false; whatever `fill` throws. Nothing stays behind.
 */
export async function placeFile(
  folder: Folder,
  name: string,
  { overwrite }: PlaceOptions,
  fill: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  await placeUnsynced(folder, name, { overwrite }, fill);
  await syncFolder(folder);
}

/** As placeFile, but a power cut may still take the file's name away. */
async function placeUnsynced(
  folder: Folder,
  name: string,
  { overwrite }: PlaceOptions,
  fill: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  const temporary = folder.at(`${PARTIAL_PREFIX}${randomUUID()}`);
  try {
    await fill(temporary);
    const handle = await open(temporary, "r+");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (overwrite) await rename(temporary, folder.at(name));
    else await claim(temporary, folder.at(name));
  } finally {
    await unlink(temporary).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error; // gone: renamed into place
    });
  }
}

export async function writeFileAtomic(
  folder: Folder,
  name: string,
  data: string | Uint8Array,
  options: PlaceOptions,
): Promise<void> {
  await placeFile(folder, name, options, (path) => writeNew(path, data));
}

async function writeNew(path: string, data: string | Uint8Array): Promise<void> {
  const handle = await open(path, "wx", 0o644);
  try {
    await handle.writeFile(data);
  } finally {
    await handle.close();
  }
}

/** Writes under way at once: disks sync a few files together about as quickly as one. */
const WRITES_AT_ONCE = 4;

/** Many small files of one folder, each in one step and in no order; existing ones are replaced. */
export async function writeFilesAtomic(
  folder: Folder,
  files: Iterable<{ readonly name: string; readonly data: string | Uint8Array }>,
): Promise<void> {
  await atOnce(files, WRITES_AT_ONCE, ({ name, data }) =>
    placeUnsynced(folder, name, { overwrite: true }, (path) => writeNew(path, data)),
  );
  await syncFolder(folder);
}

/** File systems without hard links (exFAT, most network shares) say one of these. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/**
 * Gives a finished file its name unless that is taken. link() refuses an existing name, which rename() would silently
 * replace; where there are no links, an empty file reserves the name for the moment until the rename.
 * @throws EEXIST
 */
export async function claim(temporary: string, target: string, linkFile: typeof link = link): Promise<void> {
  try {
    return await linkFile(temporary, target);
  } catch (error) {
    if (!hasCode(error, ...NO_LINKS)) throw error;
  }
  await (await open(target, "wx")).close();
  try {
    await rename(temporary, target);
  } catch (error) {
    await unlink(target);
    throw error;
  }
}

/** Makes a rename survive a power cut, where the file system can do that for folders. */
export async function syncFolder(folder: Pick<Folder, "at">): Promise<void> {
  const handle = await open(folder.at("."), "r");
  try {
    await handle.sync();
  } catch (error) {
    if (!hasCode(error, "EINVAL", "ENOTSUP", "EOPNOTSUPP")) throw error;
  } finally {
    await handle.close();
  }
}
