// How full the file system is that holds a path.
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { isMissing } from "./sandbox.ts";

export interface DiskSpace {
  readonly totalBytes: number;
  /** What a user other than root may still write. */
  readonly freeBytes: number;
}

/** Of the path, or of the nearest folder above it that exists: that is where it will be made. */
export async function diskSpace(path: string): Promise<DiskSpace> {
  try {
    const { blocks, bavail, bsize } = await statfs(path);
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize };
  } catch (error) {
    if (!isMissing(error) || dirname(path) === path) throw error;
    return diskSpace(dirname(path));
  }
}

/** As far as it can be told; null where it cannot. */
export function freeBytesAt(path: string): Promise<number | null> {
  return diskSpace(path).then(
    (space) => space.freeBytes,
    () => null, // whoever asks can do without, and has more to tell
  );
}
