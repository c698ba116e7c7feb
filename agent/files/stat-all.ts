// Sizes and times of many files.
import { type Stats, stat, statSync } from "node:fs";
import { stat as statLater } from "node:fs/promises";
import { askDisk } from "./ask-disk.ts";
import { hasCode } from "./sandbox.ts";

const GONE = ["ENOENT", "ENOTDIR", "ELOOP"] as const;

/** Calls under way at once: enough to keep the four threads of libuv busy. */
const AT_ONCE = 32;

/**
 * The stats of many files; undefined for what is not there (any more).
 * With callbacks: measured on 200,000 files, promises take more than twice as long.
 */
export function statAll(paths: readonly string[]): Promise<(Stats | undefined)[]> {
  return new Promise((resolve, reject) => {
    const found: (Stats | undefined)[] = new Array(paths.length);
    let [started, finished] = [0, 0];
    const startNext = () => {
      const index = started++;
      const path = paths[index];
      if (path === undefined) return;
      stat(path, (error, stats) => {
        if (error && !hasCode(error, ...GONE)) return reject(error);
        found[index] = error ? undefined : stats;
        if (++finished === paths.length) resolve(found);
        else startNext();
      });
    };
    if (paths.length === 0) resolve(found);
    for (let slot = 0; slot < AT_ONCE; slot++) startNext();
  });
}

/** The same by way of askDisk(). */
export async function statAllNow(paths: readonly string[]): Promise<(Stats | undefined)[]> {
  const found: (Stats | undefined)[] = new Array(paths.length);
  const now = (path: string) => statSync(path);
  await askDisk(
    paths,
    now,
    (path) => statLater(path),
    (index, stats) => {
      if (!(stats instanceof Error)) found[index] = stats;
      else if (!hasCode(stats, ...GONE)) throw stats;
    },
  );
  return found;
}
