// A router that was started in the same breath as the command that asks it.
import { setTimeout as delay } from "node:timers/promises";

/** A router on a slow machine listens within a few seconds. */
export const START_MS = 15_000;
const AGAIN_MS = 250;

export interface StartingOptions {
  readonly forMs?: number;
  /** Told once, before the first wait. */
  readonly onWait: () => void;
}

/** Asks again while nobody listens at the address. All other failures are told at once, for waiting would mend none. */
export async function onceItListens<T>(ask: () => Promise<T>, options: StartingOptions): Promise<T> {
  const { forMs = START_MS, onWait } = options;
  const endsMs = performance.now() + forMs;
  for (let tries = 0; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if (!isRefused(error) || performance.now() + AGAIN_MS > endsMs) throw error;
      if (tries === 0) onWait();
      await delay(AGAIN_MS);
    }
  }
}

/** Nothing was sent: nobody took the connection. */
function isRefused(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && "code" in cause && cause.code === "ECONNREFUSED";
}
