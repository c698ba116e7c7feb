// Room for so much work at once. Whoever has waited longest without a turn is next: many things that one wants do not keep
// another waiting for all of them.

interface Waiting {
  readonly owner: string;
  readonly go: () => void;
}

export class Slots {
  #free: number;
  readonly #waiting = new Set<Waiting>();
  /** Who had a turn, and which it was. */
  readonly #served = new Map<string, number>();
  #turns = 0;

  constructor(count: number) {
    this.#free = count;
  }

  /** Runs `work` when there is room. Rejects when `signal` fires while it waits. @param owner whose work it is */
  async run<T>(signal: AbortSignal, work: () => Promise<T>, owner = ""): Promise<T> {
    signal.throwIfAborted();
    if (this.#free > 0) this.#free--;
    else await this.#turn(signal, owner);
    this.#served.set(owner, ++this.#turns);
    try {
      return await work();
    } finally {
      const next = this.#next();
      if (next)
        next.go(); // from hand to hand
      else this.#free++;
    }
  }

  #next(): Waiting | undefined {
    const lastOf = ({ owner }: Waiting) => this.#served.get(owner) ?? 0;
    let next: Waiting | undefined;
    for (const each of this.#waiting) if (!next || lastOf(each) < lastOf(next)) next = each;
    if (!next) this.#served.clear();
    return next;
  }

  async #turn(signal: AbortSignal, owner: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const mine: Waiting = {
      owner,
      go: () => {
        this.#waiting.delete(mine);
        this.#served.set(owner, ++this.#turns); // now, not when it gets around to it: another may be asked for before
        resolve();
      },
    };
    const leave = () => {
      this.#waiting.delete(mine); // at once: room that is handed to who has left is lost
      reject(signal.reason);
    };
    this.#waiting.add(mine);
    signal.addEventListener("abort", leave, { once: true });
    await promise.finally(() => signal.removeEventListener("abort", leave));
  }
}
