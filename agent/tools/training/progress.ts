// Progress read from the log, for trainers that do not report: tqdm bars named like the run (ai-toolkit.md §6.3).

export interface BarProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number | null;
  readonly lr: number | null;
}

const NUMBER = String.raw`[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)`;

function figure(text: string, key: string): number | null {
  const found = new RegExp(`\\b${key}: (${NUMBER})`).exec(text)?.[1];
  if (found === undefined) return null;
  return found === "nan" ? Number.NaN : Number(found.replace("inf", "Infinity"));
}

/**
 * The newest state of the bar whose description is exactly `name`. Bars of sampling, caching and downloads have
 * other names and are passed over; the name is user text and never part of a pattern.
 */
export function parseProgress(log: string, name: string): BarProgress | undefined {
  const parts = log.split(/[\r\n]/);
  for (let index = parts.length - 1; index >= 0; index--) {
    const part = parts[index] ?? "";
    if (!part.startsWith(`${name}: `)) continue;
    const bar = /^\s*\d+%\|[^|]*\| (\d+)\/(\d+) \[([^\]]*)/.exec(part.slice(name.length + 1));
    if (!bar) continue;
    const [, step, total, rest = ""] = bar;
    return {
      step: Number(step),
      totalSteps: Number(total),
      loss: figure(rest, "loss"),
      lr: figure(rest, "lr"),
    };
  }
  return undefined;
}
