// Reads a zip for yauzl and for us. Directories and small files are read dozens of kilobytes at a time: with a hundred
// thousand entries, a trip to the disk for each header costs more than all the rest.
import type { FileHandle } from "node:fs/promises";
import type { Readable } from "node:stream";
import * as yauzl from "yauzl";
import { refused } from "./intake.ts";

const WINDOW_BYTES = 256 * 1024;
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_MAGIC = 0x04034b50;

export class ZipReader extends yauzl.RandomAccessReader {
  readonly handle: FileHandle;
  readonly size: number;
  readonly #window = Buffer.allocUnsafeSlow(WINDOW_BYTES);
  #start = 0;
  #end = 0;

  constructor(handle: FileHandle, size: number) {
    super();
    this.handle = handle;
    this.size = size;
  }

  /** @returns bytes that are good until the next call. @throws ToolError when the file ends before */
  async bytes(position: number, length: number): Promise<Buffer> {
    if (position + length > this.size) throw refused("it is cut off, or its parts overlap");
    if (position < this.#start || position + length > this.#end) {
      if (length > WINDOW_BYTES) throw new Error(`More than ${WINDOW_BYTES} bytes at once`);
      [this.#start, this.#end] = [0, 0];
      const { bytesRead } = await this.handle.read(this.#window, 0, WINDOW_BYTES, position);
      if (bytesRead < length) throw refused("it is cut off");
      [this.#start, this.#end] = [position, position + bytesRead];
    }
    return this.#window.subarray(position - this.#start, position - this.#start + length);
  }

  /** Where the content of an entry begins: its own header may be longer than the directory says. */
  async contentStart(offset: number): Promise<number> {
    const header = await this.bytes(offset, LOCAL_HEADER_BYTES);
    if (header.readUInt32LE(0) !== LOCAL_HEADER_MAGIC)
      throw refused("its directory points to what is no file");
    return offset + LOCAL_HEADER_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.#copy(buffer, offset, length, position).then(
      (bytesRead) => callback(null, bytesRead),
      (error: Error) => callback(error),
    );
  }

  async #copy(buffer: Buffer, offset: number, length: number, position: number): Promise<number> {
    const there = Math.max(0, Math.min(length, this.size - position));
    for (let copied = 0; copied < there; copied += WINDOW_BYTES) {
      const part = Math.min(WINDOW_BYTES, there - copied);
      (await this.bytes(position + copied, part)).copy(buffer, offset + copied);
    }
    return there;
  }

  override _readStreamForRange(): Readable {
    throw new Error("Contents are read by bytes() or from the file itself");
  }
}
