// "90d" on the command line.
import { UsageError } from "../usage-error.ts";

const UNITS_MS: Readonly<Record<string, number>> = {
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

/** @returns milliseconds; undefined for "never" @throws UsageError */
export function durationMs(flag: string, text: string): number | undefined {
  if (text === "never") return undefined;
  const [, count, unit = ""] = /^(\d{1,5})([mhdw])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS_MS[unit] ?? Number.NaN);
  if (!(ms > 0))
    throw new UsageError(`${flag} takes a number with m, h, d or w, e.g. 90d, or never; not "${text}"`);
  return ms;
}
