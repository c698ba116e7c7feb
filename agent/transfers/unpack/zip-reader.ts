// Reads a zip dozens of kilobytes at a time: with a hundred thousand entries, a trip to the disk for each header costs more
// than all the rest.
import type { FileHandle } from "node:fs/promises";
import { refused } from "./intake.ts";

export const WINDOW_BYTES = 256 * 1024;

export class ZipReader {
  readonly handle: FileHandle;
  readonly size: number;
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #start = 0;
  #end = 0;

  constructor(handle: FileHandle, size: number) {
    this.handle = handle;
    this.size = size;
  }

  /** At most a window. @returns bytes that are good until the next call. @throws ToolError when the file ends before */
  async bytes(position: number, length: number): Promise<Buffer> {
    if (position + length > this.size) throw refused("it is cut off, or its parts overlap");
    if (position < this.#start || position + length > this.#end) {
      [this.#start, this.#end] = [0, 0];
      const { bytesRead } = await this.handle.read(this.#window, 0, WINDOW_BYTES, position);
      if (bytesRead < length) throw refused("it is cut off");
      [this.#start, this.#end] = [position, position + bytesRead];
    }
    return this.#window.subarray(position - this.#start, position - this.#start + length);
  }
}
