// The last look at the GPUs, and how old it is. Nobody looks unless something wants to start.
import type { Environment } from "../trainer/environment.ts";
import type { GpuSnapshot } from "./gpu.ts";
import { readGpus } from "./query.ts";

export interface GpuWatchOptions {
  readonly environment?: Environment;
  /** Milliseconds on a clock that never jumps. */
  readonly nowMs?: () => number;
}

export class GpuWatch {
  readonly #environment: Environment;
  readonly #nowMs: () => number;
  readonly #closing = new AbortController();
  #latest: GpuSnapshot | undefined;
  #beganAtMs = Number.NEGATIVE_INFINITY;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #changedAtMs = Number.NEGATIVE_INFINITY;
  #reading: Promise<GpuSnapshot> | undefined;

  constructor({ environment = process.env, nowMs = () => performance.now() }: GpuWatchOptions = {}) {
    this.#environment = environment;
    this.#nowMs = nowMs;
  }

  /** undefined before the first look. */
  get latest(): GpuSnapshot | undefined {
    return this.#latest;
  }

  /** Infinite when there was no look, or none that began after the last change. A slow look is not an old one. */
  get ageMs(): number {
    return this.#beganAtMs < this.#changedAtMs ? Number.POSITIVE_INFINITY : this.#nowMs() - this.#readAtMs;
  }

  /** Something has changed on the GPUs: what was seen before is no ground to start anything on. */
  expire(): void {
    this.#changedAtMs = this.#nowMs();
  }

  /** Looks now; whoever asks meanwhile gets the same look. */
  refresh(): Promise<GpuSnapshot> {
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** A look at most `maxAgeMs` old; after `waitMs` what there is, for a driver may take its time. */
  async within(maxAgeMs: number, waitMs: number): Promise<GpuSnapshot | undefined> {
    if (this.ageMs <= maxAgeMs) return this.#latest;
    const late = Promise.withResolvers<void>();
    const timer = setTimeout(late.resolve, waitMs);
    await Promise.race([this.refresh(), late.promise]);
    clearTimeout(timer);
    return this.#latest;
  }

  /** Gives up a look that is on its way. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#reading;
  }

  async #read(): Promise<GpuSnapshot> {
    const beganMs = this.#nowMs();
    const snapshot = await readGpus(this.#environment, this.#closing.signal);
    if (!this.#closing.signal.aborted) {
      this.#latest = snapshot;
      this.#beganAtMs = beganMs;
      this.#readAtMs = this.#nowMs();
    }
    return snapshot;
  }
}
