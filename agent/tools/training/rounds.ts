/**
 * Work that is done over and over. Rounds never overlap; whoever asks while one is under way waits for the next, which
 * all that ask by then share: a round that hangs leaves one behind it, not one for each tick of a clock.
 */
export class Rounds {
  readonly #work: () => Promise<void>;
  #current: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  /** @param work never rejects */
  constructor(work: () => Promise<void>) {
    this.#work = work;
  }

  /** A round that begins after this call. */
  ask(): Promise<void> {
    this.#next ??= this.#current.then(() => {
      this.#current = this.#work();
      this.#next = undefined;
      return this.#current;
    });
    return this.#next;
  }

  /** All that was asked for is done. */
  async settled(): Promise<void> {
    while (this.#next) await this.#next;
    await this.#current;
  }
}
