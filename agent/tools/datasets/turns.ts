// Work on the same thing is done one after the other.

export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` after everything that was asked for under `key` before. Rejects at once when `signal` fires while waiting. */
  async take<T>(key: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const mine = Promise.withResolvers<void>();
    const turn = before.then(() => mine.promise);
    this.#last.set(key, turn);
    void turn.then(() => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    });
    try {
      await orAborted(before, signal);
      return await work();
    } finally {
      mine.resolve();
    }
  }
}

async function orAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** The key under which a data set takes turns: those inside one another share it. */
export function turnOf(dataset: string): string {
  return dataset.split("/", 1)[0] ?? dataset;
}
