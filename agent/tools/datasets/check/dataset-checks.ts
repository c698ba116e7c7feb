// All checks of data sets that go on. An answer is given in time, with what has been found by then; the check goes on.
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { CallContext } from "../../../../shared/contract.ts";
import { Slots } from "../../../files/slots.ts";
import { type CheckPaths, DatasetCheck, type Input, type Output } from "./dataset-check.ts";
import { FactsStore } from "./facts-store.ts";

/** After this an answer is given, so that it is there before clients lose their patience. */
const BUDGET_MS = 7_000;
/** More are not gone on with by themselves; each keeps the names of its files. */
const CHECKS_MAX = 4;
/** The trainer may be at work beside us, and a picture of 100 megapixels takes a lot of memory. */
const LOOKS_AT_ONCE = Math.min(8, Math.max(2, Math.floor(availableParallelism() / 4)));

export interface ChecksOptions {
  readonly paths: CheckPaths;
  readonly budgetMs?: number;
  readonly slots?: Slots;
}

export class DatasetChecks implements Disposable {
  readonly #paths: CheckPaths;
  readonly #budgetMs: number;
  readonly #slots: Slots;
  readonly #store: FactsStore;
  /** By what was asked, the one that was begun last. */
  readonly #checks = new Map<string, DatasetCheck>();
  /** Those that an answer said would go on. */
  readonly #promised = new WeakSet<DatasetCheck>();

  constructor({ paths, budgetMs = BUDGET_MS, slots = new Slots(LOOKS_AT_ONCE) }: ChecksOptions) {
    this.#paths = paths;
    this.#budgetMs = budgetMs;
    this.#slots = slots;
    this.#store = new FactsStore(join(paths.state, "checked-files.db"));
  }

  get isIdle(): boolean {
    return this.#checks.size === 0;
  }

  /** @throws ToolError not_found or invalid_input; AbortError */
  async check(input: Input, { signal, progress }: Pick<CallContext, "signal" | "progress">): Promise<Output> {
    const { limit, ...asked } = input;
    const key = JSON.stringify(asked);
    const going = this.#checks.get(key);
    // What is on the disk now is told, not what was there when an earlier check began.
    const check = going && !going.isSurveyed ? going : this.#begin(key, input, going);
    const leave = check.listen(progress);
    try {
      await within(this.#budgetMs, check.done, signal);
      const output = await check.report(limit, signal);
      this.#promised.add(check);
      return output;
    } finally {
      leave();
      if (signal.aborted && !check.isAwaited && !this.#promised.has(check)) this.#stop(key, check);
    }
  }

  #begin(key: string, input: Input, before: DatasetCheck | undefined): DatasetCheck {
    const check = new DatasetCheck(
      { paths: this.#paths, store: this.#store, slots: this.#slots },
      input,
      before,
    );
    this.#checks.delete(key); // to the end: the order is that of age
    this.#checks.set(key, check);
    const over = () => {
      if (this.#checks.get(key) === check) this.#checks.delete(key);
    };
    check.done.then(over, over);
    if (this.#checks.size > CHECKS_MAX) {
      const oldest = [...this.#checks].find(([, each]) => !each.isAwaited && each !== check);
      if (oldest) this.#stop(...oldest);
    }
    return check;
  }

  #stop(key: string, check: DatasetCheck): void {
    const instead = check.stop();
    if (this.#checks.get(key) !== check) return;
    if (instead) this.#checks.set(key, instead);
    else this.#checks.delete(key);
  }

  [Symbol.dispose](): void {
    for (const check of this.#checks.values()) check.stop()?.stop();
    this.#store[Symbol.dispose]();
  }
}

/** Resolves when the work is over, or after that time. Rejects when the work fails, or `signal` fires. */
async function within(ms: number, work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const leave = () => reject(signal.reason);
  signal.addEventListener("abort", leave, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", leave);
  }
}
