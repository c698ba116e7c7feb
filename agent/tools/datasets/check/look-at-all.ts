// Looking at files to their end, a few at a time: what takes longest of a check.
import { atOnce } from "../../../files/at-once.ts";
import type { Slots } from "../../../files/slots.ts";
import { type Facts, isWhole } from "./facts.ts";
import type { FactsStore, KnownFile } from "./facts-store.ts";

/** A file to look at. */
export interface Candidate extends KnownFile {
  /** Where the facts of its folder are kept. */
  readonly folder: string;
  /** So far. */
  facts: Facts | undefined;
  /** undefined: it is gone, or must not be opened. @throws the file system's errors */
  readonly look: () => Promise<Facts | undefined>;
}

export interface LookOptions<C> {
  readonly store: FactsStore;
  /** Shared by all that look at files. */
  readonly slots: Slots;
  readonly signal: AbortSignal;
  /** One more is known; undefined: it could not be opened. */
  readonly onLooked: (file: C, facts: Facts | undefined) => void;
}

/** In line for a place; more would not be served sooner. */
const IN_LINE = 16;
/** Written together: a transaction for each would cost more than many a picture. A crash loses this many. */
const KEPT_TOGETHER = 20;

export async function lookAtAll<C extends Candidate>(
  files: readonly C[],
  { store, slots, signal, onLooked }: LookOptions<C>,
): Promise<void> {
  const keep = new Keeper(store);
  try {
    await atOnce(files, IN_LINE, (file) =>
      slots.run(signal, async () => {
        // Another check may have found it out meanwhile.
        const known = store.recall(file.folder, file);
        const facts = isWhole(known) ? known : await file.look();
        if (facts) {
          file.facts = facts;
          keep.add({ ...file, facts });
        }
        onLooked(file, facts);
      }),
    );
  } finally {
    keep.flush();
  }
}

class Keeper {
  readonly #store: FactsStore;
  readonly #waiting = new Map<string, (KnownFile & { readonly facts: Facts })[]>();
  #count = 0;

  constructor(store: FactsStore) {
    this.#store = store;
  }

  add({ folder, path, identity, facts }: Candidate & { readonly facts: Facts }): void {
    const waiting = this.#waiting.get(folder) ?? [];
    waiting.push({ path, identity, facts });
    this.#waiting.set(folder, waiting);
    this.#count++;
    if (this.#count >= KEPT_TOGETHER) this.flush();
  }

  flush(): void {
    for (const [folder, found] of this.#waiting) this.#store.remember(folder, found);
    this.#waiting.clear();
    this.#count = 0;
  }
}
