// What an entry of a tar holds, as far as it has not been taken yet.
import { refused } from "./intake.ts";
import type { PulledBytes } from "./pulled-bytes.ts";
import { BLOCK_BYTES } from "./tar-blocks.ts";

export const cutOff = () => refused("it is cut off: the end of a tar is missing");

export class TarContent {
  readonly bytes: number;
  readonly #source: PulledBytes;
  #left: number;

  constructor(source: PulledBytes, bytes: number) {
    this.#source = source;
    this.bytes = bytes;
    this.#left = bytes;
  }

  /** All of them, in a copy. */
  async whole(): Promise<Buffer> {
    const all = await this.#source.all(this.#left);
    if (all.length < this.#left) throw cutOff();
    this.#left = 0;
    return all;
  }

  /** Each is good until the next one is asked for. */
  async *pieces(): AsyncGenerator<Buffer> {
    while (this.#left > 0) yield await this.#next();
  }

  /** What nobody took of them. */
  async pass(): Promise<void> {
    this.#left += Math.ceil(this.bytes / BLOCK_BYTES) * BLOCK_BYTES - this.bytes;
    while (this.#left > 0) await this.#next();
  }

  async #next(): Promise<Buffer> {
    const some = await this.#source.some(this.#left);
    if (some.length === 0) throw cutOff();
    this.#left -= some.length;
    return some;
  }
}
