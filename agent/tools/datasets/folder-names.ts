// The names in one folder of a data set, and which new names would collide with them.
import { IMAGE_EXTENSIONS, stemOf } from "./images.ts";

/** What two names have in common when some systems take them for the same. */
const fold = (name: string) => name.normalize("NFC").toLowerCase();

/** The names in one folder, to be asked for names that mean the same. */
export class Names {
  readonly #byFold = new Map<string, Set<string>>();

  constructor(names: readonly string[]) {
    for (const name of names) this.add(name);
  }

  add(name: string): void {
    const same = this.#byFold.get(fold(name));
    if (same) same.add(name);
    else this.#byFold.set(fold(name), new Set([name]));
  }

  has(name: string): boolean {
    return this.#byFold.get(fold(name))?.has(name) ?? false;
  }

  /** Another name that differs from this one only in case or in how accents are encoded. */
  twinOf(name: string): string | undefined {
    return [...(this.#byFold.get(fold(name)) ?? [])].find((each) => each !== name);
  }

  /** Another image that reads the same caption file. */
  partnerOf(name: string): string | undefined {
    const others = IMAGE_EXTENSIONS.map((extension) => fold(stemOf(name) + extension)).filter(
      (each) => each !== fold(name),
    );
    return others.flatMap((each) => [...(this.#byFold.get(each) ?? [])])[0];
  }
}
