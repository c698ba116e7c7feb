// Files and folders on their way to another place, which may be on another disk: then rename(2) says EXDEV.
import { randomUUID } from "node:crypto";
import { cp, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { PARTIAL_PREFIX } from "./atomic.ts";
import { type Folder, hasCode } from "./sandbox.ts";

/** Moves an entry of a folder to `to`. Either it is gone from the folder and whole in `to`, or it stays and `to` does not exist. */
export async function moveOut(folder: Folder, name: string, to: string): Promise<void> {
  if (await renamed(folder.at(name), to)) return;
  await copy(folder.at(name), to);
  // Hidden in one step once the copy is whole, so that a crash never leaves a half removed thing under its name.
  const hidden = folder.at(`${PARTIAL_PREFIX}${randomUUID()}`);
  await rename(folder.at(name), hidden);
  // What cannot be removed now stays hidden; the next start removes it.
  await rm(hidden, { recursive: true, force: true }).catch(() => undefined);
}

/** The other way; it appears under its name when it is whole. The caller removes `from`. */
export async function moveIn(from: string, to: string): Promise<void> {
  if (await renamed(from, to)) return;
  const hidden = join(dirname(to), `${PARTIAL_PREFIX}${randomUUID()}`);
  try {
    await copy(from, hidden);
    await rename(hidden, to);
  } catch (error) {
    await rm(hidden, { recursive: true, force: true });
    throw error;
  }
}

/**
 * To a hidden name, where nobody sees it grow.
 * @returns whether it is a copy: the caller removes `from`, and after an error `to`
 */
export async function moveHidden(from: string, to: string): Promise<boolean> {
  if (await renamed(from, to)) return false;
  await copy(from, to);
  return true;
}

/** @returns false when `to` lies on another disk */
async function renamed(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (hasCode(error, "EXDEV")) return false;
    throw error;
  }
}

async function copy(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    errorOnExist: true,
    force: false,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  });
}
