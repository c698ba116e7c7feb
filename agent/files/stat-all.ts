// Sizes and times of many files.
import { type Stats, stat } from "node:fs";
import { hasCode } from "./sandbox.ts";

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
        if (error && !hasCode(error, "ENOENT", "ENOTDIR", "ELOOP")) return reject(error);
        found[index] = error ? undefined : stats;
        if (++finished === paths.length) resolve(found);
        else startNext();
      });
    };
    if (paths.length === 0) resolve(found);
    for (let slot = 0; slot < AT_ONCE; slot++) startNext();
  });
}
