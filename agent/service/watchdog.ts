// Tells the service manager that we are well, but only after having found out.
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../shared/log.ts";

export interface WatchdogOptions {
  /** How long the manager waits before it takes us for hung. */
  readonly limitMs: number;
  /** Resolves when everything works; rejects, or does not come back, when it does not. */
  readonly works: (signal: AbortSignal) => Promise<void>;
  readonly feed: () => Promise<void>;
  readonly log: Log;
}

/** Two looks may fail, or be late on a busy machine, before the manager acts. */
const LOOKS_PER_LIMIT = 3;

/** Feeds until `signal` fires. Never rejects. */
export async function feedWatchdog(
  { limitMs, works, feed, log }: WatchdogOptions,
  signal: AbortSignal,
): Promise<void> {
  const periodMs = limitMs / LOOKS_PER_LIMIT;
  while (!signal.aborted) {
    try {
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(periodMs)]);
      await Promise.race([works(inTime), fired(inTime)]);
      await feed();
    } catch (err) {
      if (!signal.aborted) log.error({ err }, "not well; the service manager is not told otherwise");
    }
    await delay(periodMs, undefined, { signal, ref: false }).catch(() => {}); // closing
  }
}

function fired(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const give = () => reject(signal.reason);
    if (signal.aborted) give();
    else signal.addEventListener("abort", give, { once: true });
  });
}
