// SIGINT as Python has it: a KeyboardInterrupt raised wherever the program happens to be.
import { KeyboardInterrupt } from "./python.ts";

export interface Interrupt {
  /** Raises a pending interrupt. Long synchronous work calls it in between. */
  readonly check: () => void;
  /** Sleeps, but no longer than until SIGINT; 0 ms still lets signals in. */
  readonly pause: (ms: number) => Promise<void>;
  /** From now on SIGINT does nothing. */
  readonly ignore: () => void;
}

/** setTimeout takes no more than this, and fires at once beyond. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Takes over SIGINT for the rest of the process's life: a supervisor may send it twice, and the second one, arriving
 * while we are leaving, must not turn exit code 0 into a death by signal. Only the first raises.
 */
export function takeSigint(): Interrupt {
  let state: "open" | "pending" | "done" = "open";
  let wake: (() => void) | undefined;

  process.on("SIGINT", () => {
    if (state !== "open") return;
    state = "pending";
    wake?.();
  });

  const check = () => {
    if (state !== "pending") return;
    state = "done";
    throw new KeyboardInterrupt();
  };

  const pause = async (ms: number) => {
    check();
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, Math.min(ms, LONGEST_MS));
      const immediate = ms > 0 ? undefined : setImmediate(resolve);
      wake = () => {
        clearTimeout(timer);
        clearImmediate(immediate);
        resolve();
      };
    });
    wake?.();
    wake = undefined;
    check();
  };

  return {
    check,
    pause,
    ignore: () => {
      state = "done";
    },
  };
}
