// Pictures that look alike, told by their looks (picture-look.ts). Of two hashes that differ in six bits at most, one of
// seven parts is the same: only those are compared that share one. Of 100,000 that takes a second or two.
import { setImmediate } from "node:timers/promises";

/**
 * Bits of the hash in which two looks may differ. Measured on 90 pictures: of copies at half the size all are within 6, of
 * those at a quarter with JPEG quality 50 99 %; of pairs of different pictures none is below 9.
 */
const DISTANCE_MAX = 6;
const PARTS = DISTANCE_MAX + 1;
const PART_BITS = Math.floor(64 / PARTS); // one bit is in none
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
  const same = [...Map.groupBy(pictures, ({ look }) => look)];
  const groups = new Groups(same.length);
  await compare(
    same.map(([look]) => look),
    groups,
    signal,
  );
  return [...Map.groupBy(same.keys(), (index) => groups.leaderOf(index)).values()]
    .map((group) => group.flatMap((index) => same[index]?.[1] ?? []))
    .filter((group) => group.length > 1)
    .map((group) => group.map(({ path }) => path).sort());
}

/** Where in a look each of its numbers stands. */
const NUMBERS = [[0, 8], [8, 16], [16, 18], [18, 20], [20, 22]] as const; // biome-ignore format: short

/** Joins what looks alike. */
async function compare(looks: readonly string[], groups: Groups, signal: AbortSignal): Promise<void> {
  const columns = NUMBERS.map(([from, to]) =>
    Int32Array.from(looks, (look) => Number.parseInt(look.slice(from, to), 16)),
  );
  const [highs = NONE, lows = NONE, reds = NONE] = columns;
  let comparisons = 0;
  for (let part = 0; part < PARTS; part++) {
    const keys = reds.map(
      (red, index) => (bitsAt(part * PART_BITS, highs[index] ?? 0, lows[index] ?? 0) << 8) | red,
    );
    // So that in each lot whatever follows one is redder by more and more.
    const order = Int32Array.from(looks.keys()).sort((a, b) => (keys[a] ?? 0) - (keys[b] ?? 0));
    const lots = order.map((index) => (keys[index] ?? 0) >>> 8);
    // Side by side in memory, in the order in which they are compared: it is the memory that takes the time.
    const [high = NONE, low = NONE, red = NONE, green = NONE, blue = NONE] = columns.map((column) =>
      order.map((index) => column[index] ?? 0),
    );
    for (let a = 0; a < order.length; a++) {
      const [lot, highOfA, lowOfA] = [lots[a], high[a] ?? 0, low[a] ?? 0];
      const [redMax, greenOfA, blueOfA] = [(red[a] ?? 0) + COLOUR_MAX, green[a] ?? 0, blue[a] ?? 0];
      let b = a + 1;
      for (; lots[b] === lot && (red[b] ?? 0) <= redMax; b++) {
        if (ones(highOfA ^ (high[b] ?? 0)) + ones(lowOfA ^ (low[b] ?? 0)) > DISTANCE_MAX) continue;
        if (Math.abs(greenOfA - (green[b] ?? 0)) > COLOUR_MAX) continue;
        if (Math.abs(blueOfA - (blue[b] ?? 0)) > COLOUR_MAX) continue;
        groups.join(order[a] ?? 0, order[b] ?? 0);
      }
      comparisons += b - a;
      if (comparisons < TURN) continue;
      comparisons = 0;
      await setImmediate();
      signal.throwIfAborted();
    }
  }
}

const NONE = new Int32Array();

/** PART_BITS of 64 from this one on. */
function bitsAt(from: number, high: number, low: number): number {
  const mask = (1 << PART_BITS) - 1;
  if (from >= 32) return (high >>> (from - 32)) & mask;
  const above = from === 0 ? 0 : high << (32 - from);
  return ((low >>> from) | above) & mask;
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
