// Keeps a log that a trainer is writing below a limit. The trainer appends to a descriptor that it holds for good, so
// the file cannot be changed for another: its content is copied away, then it is cut to nothing, and the next print
// begins it anew. Killed at any point, nothing is lost but what was to be left out, and the next round begins again.
import { fstatSync, ftruncateSync, readSync, renameSync, writeSync } from "node:fs";
import { type FileHandle, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { isMissing } from "../../files/sandbox.ts";
import { logParts } from "./log-parts.ts";

/** The beginning that is kept for good: versions and the config stand there. */
const HEAD_MAX_BYTES = 1024 * 1024;
const BLOCK_BYTES = 256 * 1024;
/** How often what was printed during the copy is copied after it. */
const CATCH_UP_ROUNDS = 10;
/** About so much is copied while everything waits. */
const REST_BLOCKS = 2;

const LEFT_OUT = "[... a part of the log was left out here: it had grown past --log-max-mb ...]\n";

const sizeOf = (path: string) =>
  stat(path).then(
    ({ size }) => size,
    (error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    },
  );

/** How long each of two parts may be so that they keep the limit together with the beginning. */
function partBytes(maxBytes: number): number {
  return Math.max(1, Math.floor((maxBytes - headBytes(maxBytes)) / 2));
}

/** The present part is rotated a little before its share is used up: what comes until then still fits. */
const ROTATED_AT = 0.8;

function headBytes(maxBytes: number): number {
  return Math.min(HEAD_MAX_BYTES, Math.floor(maxBytes / 8));
}

export async function isOverLimit(path: string, maxBytes: number): Promise<boolean> {
  return ((await sizeOf(path)) ?? 0) > partBytes(maxBytes) * ROTATED_AT;
}

/**
 * Rotates the log when its present part has grown past its share of `maxBytes`. One caller at a time.
 * @returns whether it did
 */
export async function rotateLog(path: string, maxBytes: number): Promise<boolean> {
  const { head, previous, current } = logParts(path);
  if (!(await isOverLimit(current, maxBytes))) return false;
  const keepHead = async (from: string) => {
    if ((await sizeOf(head)) === undefined) await copyHead(from, head, headBytes(maxBytes));
  };
  if ((await sizeOf(previous)) !== undefined) await keepHead(previous);
  // Before the copy, so that even then there is never more than the limit.
  await rm(previous, { force: true });
  const temporary = `${previous}.partial`;
  const source = await open(current, "r+");
  try {
    const target = await open(temporary, "w", 0o600);
    try {
      const copy = new TailCopy(source, target, partBytes(maxBytes));
      if (await copy.run()) await keepHead(current);
      // From here on in one go: what is printed between the last read and the cut is lost.
      copy.finishSync();
      renameSync(temporary, previous);
      ftruncateSync(source.fd, 0);
    } finally {
      await target.close();
    }
  } catch (error) {
    await rm(temporary, { force: true }); // on a full disk above all
    throw error;
  } finally {
    await source.close();
  }
  return true;
}

async function copyHead(from: string, head: string, bytes: number): Promise<void> {
  const source = await open(from);
  try {
    const buffer = Buffer.alloc(bytes);
    const { bytesRead } = await source.read(buffer, 0, bytes, 0);
    const end = buffer.subarray(0, bytesRead).lastIndexOf("\n") + 1 || bytesRead;
    const temporary = `${head}.partial`;
    await writeFile(temporary, Buffer.concat([buffer.subarray(0, end), Buffer.from(LEFT_OUT)]), {
      mode: 0o600,
    });
    await rename(temporary, head);
  } finally {
    await source.close();
  }
}

/** Copies the end of a file that grows meanwhile. */
export class TailCopy {
  readonly #source: FileHandle;
  readonly #target: FileHandle;
  readonly #keep: number;
  readonly #buffer: Buffer;
  #from = 0;
  #to = 0;

  /** @param keep how many bytes to copy at most, or a little more */
  constructor(source: FileHandle, target: FileHandle, keep: number) {
    this.#source = source;
    this.#target = target;
    this.#keep = keep;
    this.#buffer = Buffer.alloc(Math.min(BLOCK_BYTES, keep));
  }

  /** Until next to nothing is left, or as often as makes sense. @returns whether something was left out */
  async run(): Promise<boolean> {
    let leftOut = false;
    for (let round = 0; round < CATCH_UP_ROUNDS; round++) {
      const { size } = await this.#source.stat();
      if (round > 0 && size - this.#to < this.#buffer.length) break;
      if (size - this.#from > this.#keep + this.#buffer.length) {
        // More than may be kept: it begins further on, with what was printed meanwhile.
        await this.#target.truncate(0);
        this.#from = size - this.#keep;
        this.#to = this.#from;
        leftOut = true;
      }
      await this.#copyTo(size);
      // A power cut must not find the log cut and its copy not yet on the disk.
      if (round === 0) await this.#target.sync();
    }
    return leftOut;
  }

  async #copyTo(end: number): Promise<void> {
    while (this.#to < end) {
      const { bytesRead } = await this.#source.read(this.#buffer, 0, this.#buffer.length, this.#to);
      if (bytesRead === 0) return;
      await this.#target.write(this.#buffer, 0, bytesRead, this.#to - this.#from);
      this.#to += bytesRead;
    }
  }

  /** The rest; of a large one its end, for last words must not be lost. */
  finishSync(): void {
    const { size } = fstatSync(this.#source.fd);
    if (size - this.#to > REST_BLOCKS * this.#buffer.length) {
      const leftOut = Buffer.from(`\n${LEFT_OUT}`);
      writeSync(this.#target.fd, leftOut, 0, leftOut.length, this.#to - this.#from);
      this.#to = size - REST_BLOCKS * this.#buffer.length;
      this.#from = this.#to - fstatSync(this.#target.fd).size;
    }
    // Much more than was left: whoever prints faster than this is not to be had.
    for (let block = 0; block < 4 * REST_BLOCKS; block++) {
      const bytes = readSync(this.#source.fd, this.#buffer, 0, this.#buffer.length, this.#to);
      if (bytes === 0) return;
      writeSync(this.#target.fd, this.#buffer, 0, bytes, this.#to - this.#from);
      this.#to += bytes;
    }
  }
}
