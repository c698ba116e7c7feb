// The folder that an upload is unpacked into: hidden beside the data sets until it gets its name in one step.
import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, readdir, rm, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ToolError, toToolError } from "../../../shared/errors.ts";
import { free } from "../../../shared/one-use.ts";
import { PARTIAL_PREFIX } from "../../files/atomic.ts";
import { diskSpace } from "../../files/disk-space.ts";
import { syncAll } from "../../files/sync-all.ts";
import { checkFormat, isImageName } from "../../tools/datasets/images.ts";
import { RESERVE_BYTES } from "../room.ts";
import { type Intake, refused, type Taken } from "./intake.ts";

/** What packs better than this is no picture: they are packed already. */
const RATIO_MAX = 200;
/** Below, a good ratio harms nobody. */
const RATIO_FROM_BYTES = 16 * 1024 * 1024;
const HEAD_BYTES = 16;

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
  #bytes = 0;

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
    if (this.#bytes + bytes <= this.#roomBytes) return;
    throw new ToolError("disk_full", "The upload does not fit on the training machine's disk", {
      hint: "Free space or delete old runs, then send it again; nothing of it was kept",
    });
  }

  /** Writes a file that was taken. One that is not what its name says is told in the report, and left out. */
  async write(taken: Taken, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const path = join(this.path, taken.path);
    const folder = dirname(path);
    if (!this.#folders.has(folder)) await mkdir(folder, { recursive: true });
    this.#folders.add(folder);
    const handle = await open(path, "wx", 0o644);
    try {
      await this.#fill(handle, taken.path, chunks);
      await handle.close();
    } catch (error) {
      await handle.close();
      await unlink(path);
      if (!(error instanceof BadFile)) throw error;
      this.intake.fail(taken.path, error.message);
      return;
    }
    this.#taken.push(taken);
  }

  async #fill(handle: FileHandle, name: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let head: Buffer | undefined = isImageName(name) ? Buffer.alloc(0) : undefined;
    let bad: BadFile | undefined;
    for await (const chunk of chunks) {
      this.signal.throwIfAborted();
      if (bad) continue; // to its end: the next file begins behind it
      this.needs(chunk.length);
      this.#bytes += chunk.length;
      if (head) {
        head = Buffer.concat([head, chunk.subarray(0, HEAD_BYTES)]);
        if (head.length >= HEAD_BYTES) {
          bad = problemOf(head, name);
          head = undefined;
        }
      }
      if (!bad) await handle.writeFile(chunk);
      free(chunk);
    }
    if (head) bad = problemOf(head, name);
    if (bad) throw bad;
  }

  /** All that was written is on the disk. @throws what went wrong on the way there */
  async settled(): Promise<void> {
    const folders = new Set<string>();
    // All of them: a folder that holds folders only is an entry of another one, too.
    for (const { path } of this.#taken)
      for (let folder = dirname(path); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
    await syncAll(
      this.path,
      this.#taken.map(({ path }) => path),
      [...folders],
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
    await rm(this.path, { recursive: true, force: true });
  }
}

/** One file is not what its name says; the others may be. */
class BadFile extends Error {}

function problemOf(head: Uint8Array, name: string): BadFile | undefined {
  try {
    checkFormat(head, name);
    return undefined;
  } catch (error) {
    return new BadFile(toToolError(error).message);
  }
}
