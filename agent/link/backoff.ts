// How long to wait before the router is tried again.

const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;
/** Many agents that lost the same router must not come back all at once. */
const JITTER = 0.2;
/** A link that held this long was a good one: what broke it is new. */
const GOOD_LINK_MS = 30_000;

/** @param tries since the last good link; @param random 0 … 1 */
export function backoffMs(tries: number, random: number): number {
  const planned = Math.min(LONGEST_MS, FIRST_MS * 2 ** tries);
  return Math.round(planned * (1 - JITTER + 2 * JITTER * random));
}

export function wasGoodLink(heldMs: number): boolean {
  return heldMs >= GOOD_LINK_MS;
}
