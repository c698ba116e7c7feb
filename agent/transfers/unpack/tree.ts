// The folder that an upload is unpacked into: hidden beside the data sets until it gets its name in one step.
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { PARTIAL_PREFIX } from "../../files/atomic.ts";
import { diskSpace } from "../../files/disk-space.ts";
import { syncAll } from "../../files/sync-all.ts";
import { noRoom, RESERVE_BYTES } from "../room.ts";
import { type Intake, refused, type Taken } from "./intake.ts";
import { problemOf, TreeFile } from "./tree-file.ts";

/** What packs better than this is no picture: they are packed already. */
const RATIO_MAX = 200;
/** Below, a good ratio harms nobody. */
const RATIO_FROM_BYTES = 16 * 1024 * 1024;
/** Files up to this size are unpacked in one go, larger ones piece by piece. */
export const SMALL_BYTES = 64 * 1024;
/** Each waits for the disk and the threads of libuv most of the time. */
const WRITES_AT_ONCE = 16;
/** Callbacks below: for a hundred thousand files, handles that are promises cost twice as much. */
const writeNew = promisify(writeFile);

export const partialName = () => `${PARTIAL_PREFIX}${randomUUID()}`;

/** @throws ToolError: what unpacks to so much more is a bomb */
export function checkRatio(packedBytes: number, unpackedBytes: number): void {
  if (unpackedBytes > RATIO_FROM_BYTES && unpackedBytes > packedBytes * RATIO_MAX)
    throw refused(`it unpacks to more than ${RATIO_MAX} times its size`);
}

export class Tree {
  readonly path: string;
  readonly intake: Intake;
  readonly signal: AbortSignal;
  readonly #roomBytes: number;
  readonly #taken: Taken[] = [];
  readonly #folders = new Set<string>();
  readonly #writing = new Set<Promise<void>>();
  #bytes = 0;
  #failed: unknown;

  private constructor(path: string, intake: Intake, signal: AbortSignal, roomBytes: number) {
    this.path = path;
    this.intake = intake;
    this.signal = signal;
    this.#roomBytes = roomBytes;
  }

  static async make(path: string, intake: Intake, signal: AbortSignal): Promise<Tree> {
    const { freeBytes } = await diskSpace(dirname(path));
    await mkdir(path);
    return new Tree(path, intake, signal, freeBytes - RESERVE_BYTES);
  }

  get taken(): readonly Taken[] {
    return this.#taken;
  }

  /** @throws ToolError disk_full */
  needs(bytes: number): void {
    if (this.#bytes + bytes > this.#roomBytes) throw noRoom("; nothing of it was kept");
  }

  /** A whole file. Each chunk is used up before the next one is asked for. */
  async write(taken: Taken, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const file = await TreeFile.make(await this.#pathOf(taken), taken.path);
    try {
      for await (const chunk of chunks) {
        this.#passed(chunk.length);
        await file.write(chunk);
      }
    } catch (error) {
      await file.abort();
      throw error;
    }
    this.#ended(taken, await file.end());
  }

  /** A small file, which is written while others are read. Resolves when there may be another one. */
  async put(taken: Taken, bytes: Uint8Array): Promise<void> {
    if (this.#failed) throw this.#failed;
    this.#passed(bytes.length);
    const problem = problemOf(bytes, taken.path);
    this.#ended(taken, problem);
    if (problem !== undefined) return;
    const path = await this.#pathOf(taken);
    const writing: Promise<void> = writeNew(path, bytes, { flag: "wx", mode: 0o644 })
      .catch((error: unknown) => {
        this.#failed ??= error;
      })
      .finally(() => this.#writing.delete(writing));
    this.#writing.add(writing);
    if (this.#writing.size >= WRITES_AT_ONCE) await Promise.race(this.#writing);
  }

  /** Before they are written. @throws ToolError disk_full */
  #passed(bytes: number): void {
    this.signal.throwIfAborted();
    this.needs(bytes);
    this.#bytes += bytes;
  }

  /** @param problem why it is not kept, which the report tells */
  #ended(taken: Taken, problem: string | undefined): void {
    if (problem === undefined) this.#taken.push(taken);
    else this.intake.fail(taken.path, problem);
  }

  async #pathOf({ path }: Taken): Promise<string> {
    const full = join(this.path, path);
    const folder = dirname(full);
    if (!this.#folders.has(folder)) await mkdir(folder, { recursive: true });
    this.#folders.add(folder);
    return full;
  }

  /** All that was written is on the disk. @throws what went wrong on the way there */
  async settled(): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#failed) throw this.#failed;
    await syncAll(
      this.path,
      this.#taken.map(({ path }) => path),
    );
  }

  /** Where the files lie: archives mostly have one folder around all. Its path below the tree. */
  async root(): Promise<string> {
    for (let root = ""; ; ) {
      const [only, ...others] = await readdir(join(this.path, root), { withFileTypes: true });
      if (!only?.isDirectory() || others.length > 0) return root;
      root = join(root, only.name);
    }
  }

  async remove(): Promise<void> {
    await Promise.all(this.#writing);
    await rm(this.path, { recursive: true, force: true });
  }
}
