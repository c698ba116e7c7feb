// Which thing on the disk this is, whatever its name.
import { lstat } from "node:fs/promises";
import { isMissing } from "./sandbox.ts";

/**
 * Stays the same when a file or folder is renamed, or gets a second name. A number is given out again, but not with the same
 * birth, where the file system notes that.
 * @returns undefined when there is none
 */
export async function identityOf(path: string): Promise<string | undefined> {
  try {
    const { ino, birthtimeNs } = await lstat(path, { bigint: true });
    return `${ino} ${birthtimeNs}`;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
