// Slows down guessing: an address that failed often is not answered for a while, except with the right token.

/** Failures within the window until an address is told to wait. */
const FAILURES_MAX = 20;
const WINDOW_MS = 60_000;
/** Addresses remembered; beyond that the oldest are forgotten, so that an attack cannot fill the memory. */
const ADDRESSES_MAX = 10_000;

export class FailureLimit {
  readonly #failures = new Map<string, { count: number; readonly sinceMs: number }>();
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => Date.now()) {
    this.#nowMs = nowMs;
  }

  /** Notes a failure. @returns seconds to wait when there were too many, else undefined */
  failed(address: string): number | undefined {
    const nowMs = this.#nowMs();
    const before = this.#failures.get(address);
    const entry = before && nowMs - before.sinceMs < WINDOW_MS ? before : { count: 0, sinceMs: nowMs };
    entry.count += 1;
    if (entry !== before) {
      this.#failures.delete(address); // to the end: the order is that of age
      this.#failures.set(address, entry);
      const [oldest] = this.#failures.keys();
      if (this.#failures.size > ADDRESSES_MAX && oldest !== undefined) this.#failures.delete(oldest);
    }
    return entry.count > FAILURES_MAX ? Math.ceil((entry.sinceMs + WINDOW_MS - nowMs) / 1_000) : undefined;
  }
}
