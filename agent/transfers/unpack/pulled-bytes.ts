// Bytes that come in pieces, by as many as are asked for. Who makes the pieces may use each one again after it: what is kept
// of them is a copy.

export class PulledBytes {
  readonly #pieces: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(pieces: AsyncIterable<Buffer>) {
    this.#pieces = pieces[Symbol.asyncIterator]();
  }

  /** So many or fewer, at least one; none at the end. They are good until more are asked for. */
  async some(bytes: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return this.#rest;
      this.#rest = value;
    }
    const some = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(some.length);
    return some;
  }

  /** So many, in a copy; fewer at the end only. */
  async all(bytes: number): Promise<Buffer> {
    const all = Buffer.allocUnsafe(bytes);
    let length = 0;
    while (length < bytes) {
      const some = await this.some(bytes - length);
      if (some.length === 0) break;
      length += some.copy(all, length);
    }
    return all.subarray(0, length);
  }

  /** Ends whoever makes the pieces. */
  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}
