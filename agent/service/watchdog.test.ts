import { expect, test, vi } from "vitest";
import { SILENT } from "../../shared/log.ts";
import { feedWatchdog } from "./watchdog.ts";

const log = { ...SILENT, error: vi.fn() };

/** Feeds until `until` is true, with these answers to "does everything work?", the last one for ever. */
async function feedings(works: readonly (() => Promise<void>)[], until: (asked: number) => boolean) {
  const closing = new AbortController();
  let [asked, fed] = [0, 0];
  const done = feedWatchdog(
    {
      limitMs: 15,
      works: async () => {
        const answer = works[Math.min(asked++, works.length - 1)];
        if (until(asked)) closing.abort();
        await answer?.();
      },
      feed: async () => void fed++,
      log,
    },
    closing.signal,
  );
  await done;
  return fed;
}

const well = async () => {};
const ill = async () => {
  throw new Error("the port does not answer");
};
const stuck = () => new Promise<void>(() => {});

test("a program that works feeds again and again", async () => {
  expect(await feedings([well], (asked) => asked === 5)).toBeGreaterThanOrEqual(4);
});

test.each([
  ["fails", ill],
  ["never comes back", stuck],
])("a look that %s feeds nothing, and the next ones are still taken", async (_what, look) => {
  expect(await feedings([look], (asked) => asked === 4)).toBe(0);
  expect(await feedings([look, look, well], (asked) => asked === 6)).toBeGreaterThan(0);
});
