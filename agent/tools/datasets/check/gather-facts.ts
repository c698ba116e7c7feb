// Facts of many files: those known from before, and as many more as time allows.
import type { Progress } from "../../../../shared/contract.ts";
import { atOnce } from "../../../files/at-once.ts";
import type { Facts } from "./facts.ts";
import type { FactsStore, KnownFile } from "./facts-store.ts";

/** A file to look at. */
export interface Candidate extends KnownFile {
  /** Where the facts of its folder are kept. */
  readonly folder: string;
  /** undefined: it is gone, or must not be opened. @throws the file system's errors */
  readonly look: () => Promise<Facts | undefined>;
}

export interface GatherOptions {
  readonly store: FactsStore;
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  /** Is there no time left to begin with another file? */
  readonly isOver: () => boolean;
}

export interface Gathered<C extends Candidate> {
  readonly facts: ReadonlyMap<C, Facts>;
  /** Files that could not be opened. */
  readonly unopened: readonly C[];
  readonly complete: boolean;
}

/** The trainer may be at work beside us, and a picture of 100 megapixels takes a lot of memory. */
const DECODED_AT_ONCE = 2;
/** Written together: a transaction for each would cost more than many a picture. A crash loses this many. */
const KEPT_TOGETHER = 20;
const TOLD_EVERY = 10;

export async function gatherFacts<C extends Candidate>(
  candidates: readonly C[],
  { store, signal, progress, isOver }: GatherOptions,
): Promise<Gathered<C>> {
  const facts = new Map<C, Facts>();
  const unopened: C[] = [];
  const todo: C[] = [];
  for (const [folder, files] of Map.groupBy(candidates, (candidate) => candidate.folder)) {
    const known = store.known(folder, files);
    for (const file of files) {
      const found = known.get(file);
      if (found) facts.set(file, found);
      else todo.push(file);
    }
  }
  const keep = new Keeper(store);
  let skipped = false;
  try {
    await atOnce(todo, DECODED_AT_ONCE, async (file) => {
      signal.throwIfAborted();
      if (isOver()) {
        skipped = true;
        return;
      }
      const found = store.recall(file.folder, file) ?? (await file.look());
      if (!found) {
        unopened.push(file);
        return;
      }
      facts.set(file, found);
      keep.add(file, found);
      if (facts.size % TOLD_EVERY === 0) tell();
    });
  } finally {
    keep.flush();
  }
  tell();
  return { facts, unopened, complete: !skipped };

  function tell(): void {
    progress({
      progress: facts.size,
      total: candidates.length,
      message: `checked ${facts.size}/${candidates.length}`,
    });
  }
}

class Keeper {
  readonly #store: FactsStore;
  readonly #waiting = new Map<string, (KnownFile & { readonly facts: Facts })[]>();
  #count = 0;

  constructor(store: FactsStore) {
    this.#store = store;
  }

  add({ folder, path, identity }: Candidate, facts: Facts): void {
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
