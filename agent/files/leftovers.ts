// What a crash in the middle of a write leaves behind: files and folders that never got their names.
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { PARTIAL_PREFIX } from "./atomic.ts";
import { isMissing } from "./sandbox.ts";

/** Younger ones may be another agent's, at work this moment. */
const ABANDONED_MS = 60 * 60 * 1000;

/**
 * Removes abandoned partial files below `folder` until `signal` fires; links are not followed.
 * @param inUse names of those that somebody is at, however old they look
 * @returns how many went
 */
export async function removeLeftovers(
  folder: string,
  signal: AbortSignal,
  inUse: ReadonlySet<string> = new Set(),
): Promise<number> {
  let removed = 0;
  const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error)) return []; // another one was faster
    throw error;
  });
  for (const entry of entries) {
    if (signal.aborted) break;
    if (inUse.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (!entry.name.startsWith(PARTIAL_PREFIX)) {
      if (entry.isDirectory()) removed += await removeLeftovers(path, signal, inUse);
      continue;
    }
    const info = await stat(path).catch(() => undefined);
    if (!info || Date.now() - info.mtimeMs < ABANDONED_MS) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}
