import type { Age } from "./age.ts";
import type { Interrupt } from "./interrupt.ts";
import type { Streams } from "./streams.ts";

/** What the process around a rehearsal gives it. */
export interface Stage {
  readonly streams: Streams;
  readonly interrupt: Interrupt;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The toolkit's folder, from which relative paths count. */
  readonly cwd: string;
  readonly age: Age;
}
