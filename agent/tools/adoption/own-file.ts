import { lstat } from "node:fs/promises";

/** A file that lies there itself: in a folder that others write to, a link may lead anywhere. */
export async function isOwnFile(path: string, maxBytes = Number.POSITIVE_INFINITY): Promise<boolean> {
  const info = await lstat(path).catch(() => undefined); // none, or not ours to see: the same to the reader
  return info?.isFile() === true && info.size <= maxBytes;
}
