// Deleting means moving here. An entry is a folder `<id>/` with entry.json and the things themselves in `content/`; of
// captions, which are overwritten rather than deleted, it keeps a record of the texts as they were.
import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import { moveIn, moveOut } from "./move.ts";
import { type Folder, isMissing } from "./sandbox.ts";

const Entry = v.object({
  id: v.string(),
  kind: v.picklist(["config", "dataset", "model", "captions"]),
  name: v.string(),
  /** Absolute paths the things had, in the order of their names in content/. */
  paths: v.array(v.string()),
  deleted_at: v.string(),
});
export type TrashEntry = v.InferOutput<typeof Entry>;

/** The file that `keep` writes. */
const RECORD = "record";

/** How long deleted things are kept. */
export const RETENTION_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1000;

export class Trash {
  readonly #root: string;
  readonly #now: () => Date;

  constructor(root: string, now: () => Date = () => new Date()) {
    this.#root = root;
    this.#now = now;
  }

  /** Moves entries of an open folder here, all of them or none. Returns the trash id, which may be known before. */
  async put(
    kind: TrashEntry["kind"],
    name: string,
    folder: Folder,
    names: readonly string[],
    id: string = randomUUID(),
  ): Promise<string> {
    const paths = names.map((each) => join(folder.path, each));
    const content = await this.#open(id, kind, name, paths);
    const moved: string[] = [];
    try {
      for (const each of names) {
        await moveOut(folder, each, join(content, each));
        moved.push(each);
      }
    } catch (error) {
      for (const each of moved) await moveIn(join(content, each), folder.at(each));
      await this.forget(id);
      throw error;
    }
    return id;
  }

  /**
   * Keeps a copy of what will be overwritten: `text`, in a new entry. It is on the disk when this
   * returns its id.
   */
  async keep(kind: TrashEntry["kind"], name: string, path: string, text: string): Promise<string> {
    const id = randomUUID();
    const content = await this.#open(id, kind, name, [path]);
    try {
      await writeFile(join(content, RECORD), text, { mode: 0o600, flush: true });
    } catch (error) {
      await this.forget(id);
      throw error;
    }
    return id;
  }

  recordPath({ id }: Pick<TrashEntry, "id">): string {
    return join(this.#root, id, "content", RECORD);
  }

  /** Removes an entry for good. */
  async forget(id: string): Promise<void> {
    await rm(join(this.#root, id), { recursive: true, force: true });
  }

  /** @returns the folder of the entry's things */
  async #open(id: string, kind: TrashEntry["kind"], name: string, paths: string[]): Promise<string> {
    const content = join(this.#root, id, "content");
    await mkdir(content, { recursive: true, mode: 0o700 });
    const entry: TrashEntry = { id, kind, name, paths, deleted_at: this.#now().toISOString() };
    // The entry first: a crash in the middle leaves something that still says where things belong.
    await writeFile(join(this.#root, id, "entry.json"), JSON.stringify(entry, null, 2), {
      mode: 0o600,
      flush: true,
    });
    return content;
  }

  async list(): Promise<TrashEntry[]> {
    const entries: TrashEntry[] = [];
    for (const id of await readdir(this.#root)) {
      const text = await readFile(join(this.#root, id, "entry.json"), "utf8").catch(() => undefined);
      if (text === undefined) continue; // a folder being made right now, or not ours
      const parsed = v.safeParse(v.pipe(v.string(), v.parseJson(), Entry), text);
      if (parsed.success && parsed.output.id === id) entries.push(parsed.output);
    }
    return entries.sort((a, b) => b.deleted_at.localeCompare(a.deleted_at));
  }

  /** Absolute path of a thing in the trash. */
  contentPath(entry: TrashEntry, path: string): string {
    return join(this.#root, entry.id, "content", basename(path));
  }

  /**
   * Moves the things of an entry back to where they were, all of them or none.
   * @throws EEXIST when something else lies there now; ENOENT when their folder is gone
   */
  async restore(entry: TrashEntry): Promise<void> {
    for (const path of entry.paths) {
      const there = await lstat(path).then(
        () => true,
        (error: unknown) => !isMissing(error),
      );
      if (there) throw Object.assign(new Error(`${path} exists`), { code: "EEXIST" });
    }
    const moved: string[] = [];
    try {
      for (const path of entry.paths) {
        await moveIn(this.contentPath(entry, path), path);
        moved.push(path);
      }
    } catch (error) {
      for (const path of moved) await moveIn(path, this.contentPath(entry, path));
      throw error;
    }
    await this.forget(entry.id);
  }

  /** Removes what is older than the retention time, until `signal` fires. Returns how many entries went. */
  async purge(signal?: AbortSignal): Promise<number> {
    const limit = this.#now().getTime() - RETENTION_DAYS * DAY_MS;
    const old = (await this.list()).filter((entry) => Date.parse(entry.deleted_at) < limit);
    let removed = 0;
    for (const entry of old) {
      if (signal?.aborted) break;
      await this.forget(entry.id);
      removed += 1;
    }
    return removed;
  }
}
