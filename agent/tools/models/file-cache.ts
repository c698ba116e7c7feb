// Remembers what was computed from a file's content until the file changes.
import type { BigIntStats } from "node:fs";

/** Two writes within one tick of a file system's clock (2 s on FAT) carry the same stamp. */
const STAMP_SETTLED_MS = 2_500;
const MAX_FILES = 10_000;

export class FileCache<T extends NonNullable<unknown>> {
  readonly #known = new Map<string, { readonly identity: string; readonly value: T }>();

  /** What is known of the file, if it is still as `stats` say. */
  recall(path: string, stats: BigIntStats): T | undefined {
    const known = this.#known.get(path);
    return known?.identity === identityOf(stats) ? known.value : undefined;
  }

  /** @param stats of the file, taken before `compute` reads it */
  async get(path: string, stats: BigIntStats, compute: () => Promise<T>): Promise<T> {
    const known = this.recall(path, stats);
    if (known !== undefined) return known;
    const isSettled = Date.now() - Number(stats.mtimeMs) > STAMP_SETTLED_MS;
    const value = await compute();
    this.#known.delete(path);
    if (isSettled) this.#known.set(path, { identity: identityOf(stats), value });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_FILES && oldest !== undefined) this.#known.delete(oldest);
    return value;
  }
}

/** Changes with every write: ctime cannot be set back as mtime can. */
export function identityOf({ dev, ino, size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
}
