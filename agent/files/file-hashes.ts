// SHA-256 of files, each computed once for as long as the file stays as it is. They are read by chunks: hashing never holds
// the loop, whatever the size.
import type { BigIntStats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { FileCache, identityOf } from "../tools/models/file-cache.ts";
import { sha256Of } from "../tools/models/verified-copy.ts";

export class FileHashes {
  readonly #known = new FileCache<string>();
  /** By identity: two that ask for the same file wait for the same reading. */
  readonly #computing = new Map<string, Promise<string>>();
  readonly #closing = new AbortController();

  /** Hex, if it has been computed for the file as `stats` say. */
  known(path: string, stats: BigIntStats): string | undefined {
    return this.#known.recall(path, stats);
  }

  /** @param handle has to stay open until this resolves */
  get(path: string, handle: FileHandle, stats: BigIntStats, signal: AbortSignal): Promise<string> {
    return this.#known.get(path, stats, () => sha256Of(handle, { signal }));
  }

  /** As get, but goes on when nobody waits any more, and keeps a handle of its own. @param path real */
  inBackground(path: string, stats: BigIntStats): Promise<string> {
    const identity = identityOf(stats);
    const running = this.#computing.get(identity);
    if (running) return running;
    const computing = this.#compute(path, stats).finally(() => this.#computing.delete(identity));
    this.#computing.set(identity, computing);
    computing.catch(() => {}); // told to those who wait; the next one to ask tries again
    return computing;
  }

  async #compute(path: string, stats: BigIntStats): Promise<string> {
    const handle = await open(path);
    try {
      // Whoever asked had the file open: whatever lies there by now must be that one.
      const found = await handle.stat({ bigint: true });
      if (identityOf(found) !== identityOf(stats)) throw new Error("another file lies there now");
      return await this.get(path, handle, stats, this.#closing.signal);
    } finally {
      await handle.close();
    }
  }

  close(): void {
    this.#closing.abort();
  }
}
