// Whether the folders that waiting jobs are to write to are free: two writers in one folder destroy both runs. Preflight
// has looked, but a job may wait for hours.
import type { Writer } from "../preflight/facts.ts";

/** A look counts for this long. */
const FRESH_MS = 2_000;

interface Look {
  readonly atMs: number;
  /** Who writes there, for sentences. */
  readonly title: string | undefined;
}

export class FolderWatch {
  readonly #writer: (folder: string) => Promise<Writer | undefined>;
  readonly #looks = new Map<string, Look>();
  readonly #reserved = new Map<string, string>();

  /** @param writer somebody else's training in a folder */
  constructor(writer: (folder: string) => Promise<Writer | undefined> = async () => undefined) {
    this.#writer = writer;
  }

  /** What a job that is to write there waits for, by the last look; undefined: nothing is known to be in its way. */
  obstacle(folder: string): string | undefined {
    const title = this.#looks.get(folder)?.title;
    return title === undefined ? this.#reserved.get(folder) : `${title} is writing to ${folder}`;
  }

  /** Nobody starts there until the returned function is called. @param why one sentence */
  reserve(folder: string, why: string): () => void {
    this.#reserved.set(folder, why);
    return () => this.#reserved.delete(folder);
  }

  isFresh(folder: string): boolean {
    const look = this.#looks.get(folder);
    return look !== undefined && performance.now() - look.atMs <= FRESH_MS;
  }

  /** Looks at those that were not looked at just now. */
  async look(folders: readonly string[]): Promise<void> {
    for (const folder of new Set(folders)) {
      if (this.isFresh(folder)) continue;
      const writer = await this.#writer(folder);
      const title = writer?.state === "writing" ? writer.title : undefined;
      this.#looks.set(folder, { atMs: performance.now(), title });
    }
  }

  /** Forgets all folders but these. */
  keepOnly(folders: ReadonlySet<string>): void {
    for (const folder of this.#looks.keys()) if (!folders.has(folder)) this.#looks.delete(folder);
  }
}
