// One file of an upload on its way to the disk. One whose first bytes do not fit its name is told, and not kept.
import { type FileHandle, open, unlink } from "node:fs/promises";
import { toToolError } from "../../../shared/errors.ts";
import { checkFormat, isImageName } from "../../tools/datasets/images.ts";

const HEAD_BYTES = 16;

export class TreeFile {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #name: string;
  #head: Buffer | undefined;
  #problem: string | undefined;

  private constructor(handle: FileHandle, path: string, name: string) {
    this.#handle = handle;
    this.#path = path;
    this.#name = name;
    this.#head = isImageName(name) ? Buffer.alloc(0) : undefined;
  }

  static async make(path: string, name: string): Promise<TreeFile> {
    return new TreeFile(await open(path, "wx", 0o644), path, name);
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#head) {
      this.#head = Buffer.concat([this.#head, bytes.subarray(0, HEAD_BYTES)]);
      if (this.#head.length >= HEAD_BYTES) this.#judge(this.#head);
    }
    if (this.#problem === undefined) await this.#handle.writeFile(bytes);
  }

  #judge(head: Buffer): void {
    this.#problem = problemOf(head, this.#name);
    this.#head = undefined;
  }

  /** @returns why it is not kept; undefined when it is */
  async end(): Promise<string | undefined> {
    if (this.#head) this.#judge(this.#head);
    await this.#handle.close();
    if (this.#problem !== undefined) await unlink(this.#path);
    return this.#problem;
  }

  async abort(): Promise<void> {
    await this.#handle.close();
    await unlink(this.#path);
  }
}

/** Why a file with these first bytes, or all of them, is not what its name says. */
export function problemOf(head: Uint8Array, name: string): string | undefined {
  if (!isImageName(name)) return undefined;
  try {
    checkFormat(head.subarray(0, HEAD_BYTES), name);
    return undefined;
  } catch (error) {
    return toToolError(error).message;
  }
}
