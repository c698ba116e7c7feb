// Whether this user may write into a folder; a full or read-only disk apart, that is what a trainer started by us may do.
import { access, constants } from "node:fs/promises";
import { dirname } from "node:path";
import { isMissing } from "./sandbox.ts";

/** Of the path, or of the nearest folder above it that exists: there it would have to be made. */
export async function mayWrite(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    return isMissing(error) && dirname(path) !== path ? mayWrite(dirname(path)) : false;
  }
}
