// Pictures that look alike, told by their looks (picture-look.ts). Every one is compared with every other: of 2,000 that
// takes some 20 ms, of 20,000 about a second, during which other calls have their turns.
import { setImmediate } from "node:timers/promises";

/**
 * Bits of the hash in which two looks may differ. Measured on 90 pictures: of copies at half the size all are within 6, of
 * those at a quarter with JPEG quality 50 99 %; of pairs of different pictures none is below 9.
 */
const DISTANCE_MAX = 6;
/** In each channel of the mean colour, of 255. */
const COLOUR_MAX = 16;
/** Comparisons before others get their turn: some milliseconds. */
const TURN = 1_000_000;

export interface Look {
  readonly path: string;
  /** As lookOf() wrote it. */
  readonly look: string;
}

/** Groups of two and more that look alike, each sorted. */
export async function alike(pictures: readonly Look[], signal: AbortSignal): Promise<string[][]> {
  const count = pictures.length;
  const part = (from: number, to: number) =>
    Int32Array.from(pictures, ({ look }) => Number.parseInt(look.slice(from, to), 16));
  const [high, low] = [part(0, 8), part(8, 16)];
  const [red, green, blue] = [part(16, 18), part(18, 20), part(20, 22)];
  const isFar = (channel: Int32Array, a: number, b: number) =>
    Math.abs((channel[a] ?? 0) - (channel[b] ?? 0)) > COLOUR_MAX;
  const groups = new Groups(count);
  let comparisons = 0;
  for (let a = 0; a < count; a++) {
    const [highOfA, lowOfA] = [high[a] ?? 0, low[a] ?? 0];
    for (let b = a + 1; b < count; b++) {
      const distance = ones(highOfA ^ (high[b] ?? 0)) + ones(lowOfA ^ (low[b] ?? 0));
      if (distance > DISTANCE_MAX || isFar(red, a, b) || isFar(green, a, b) || isFar(blue, a, b)) continue;
      groups.join(a, b);
    }
    comparisons += count - a;
    if (comparisons < TURN) continue;
    comparisons = 0;
    await setImmediate();
    signal.throwIfAborted();
  }
  return [...Map.groupBy(pictures.keys(), (index) => groups.leaderOf(index)).values()]
    .filter((group) => group.length > 1)
    .map((group) => group.map((index) => pictures[index]?.path ?? "").sort());
}

/** Set bits of 32, counted in pairs, then in fours, then in eights (Hacker's Delight, 5–1). */
function ones(bits: number): number {
  const pairs = bits - ((bits >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Which of many belong together, when pairs of them do. */
class Groups {
  readonly #leaders: Int32Array;

  constructor(count: number) {
    this.#leaders = Int32Array.from({ length: count }, (_, index) => index);
  }

  leaderOf(index: number): number {
    let leader = index;
    for (
      let next = this.#leaders[leader];
      next !== leader && next !== undefined;
      next = this.#leaders[leader]
    )
      leader = next;
    this.#leaders[index] = leader;
    return leader;
  }

  join(a: number, b: number): void {
    this.#leaders[this.leaderOf(b)] = this.leaderOf(a);
  }
}
