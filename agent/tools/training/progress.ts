// Progress read from the log, for trainers that do not report: tqdm bars named like the run (ai-toolkit.md §6.3).
import { segments } from "./log-text.ts";

export interface BarProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number | null;
  readonly lr: number | null;
  /** Of this run, pauses for saving and sampling left out; the trainer smooths it. Null before it was measured. */
  readonly secondsPerStep: number | null;
  /** Since the first step, pauses left out. */
  readonly elapsedSeconds: number | null;
}

const NUMBER = String.raw`[-+]?(?:\d+\.?\d*(?:[eE][-+]?\d+)?|nan|inf)`;
/** `  42%|####2     | 5/12 [00:08<00:15,  2.17s/it, lr: 1.0e-04 loss: 1.261e+00]`, whole: one that is being written is cut. */
const BAR = /^\s*\d+%\|[^|]*\| (\d+)\/(\d+) \[([^\]]*)\]/;

function figure(text: string, key: string): number | null {
  const found = new RegExp(`\\b${key}: (${NUMBER})`).exec(text)?.[1];
  if (found === undefined) return null;
  return found === "nan" ? Number.NaN : Number(found.replace("inf", "Infinity"));
}

/** `2.17s/it` or `12.30it/s`; a dash of `?it/s` is not known yet. */
function pace(text: string): number | null {
  const [, value, unit] = /(\d+\.?\d*)(s\/it|it\/s)/.exec(text) ?? [];
  if (value === undefined || Number(value) === 0) return null;
  return unit === "s/it" ? Number(value) : 1 / Number(value);
}

/** `MM:SS`, `H:MM:SS` or `2 days, H:MM:SS`. */
function duration(text: string): number | null {
  const [, days = "0", hours = "0", minutes, seconds] =
    /^(?:(\d+) days?, )?(?:(\d+):)?(\d+):(\d+)</.exec(text) ?? [];
  if (minutes === undefined) return null;
  return ((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds);
}

/** What the run's own bar shows in `segment`; undefined for every other text. The name is never part of a pattern. */
export function parseBar(segment: string, name: string): BarProgress | undefined {
  if (!segment.startsWith(`${name}: `)) return undefined;
  const [, step, total, rest = ""] = BAR.exec(segment.slice(name.length + 1)) ?? [];
  if (step === undefined) return undefined;
  return {
    step: Number(step),
    totalSteps: Number(total),
    loss: figure(rest, "loss"),
    lr: figure(rest, "lr"),
    secondsPerStep: pace(rest),
    elapsedSeconds: duration(rest),
  };
}

/** The newest state of the bar whose description is exactly `name`; others (sampling, downloads) are passed over. */
export function parseProgress(log: string, name: string): BarProgress | undefined {
  const parts = segments(log);
  for (let index = parts.length - 1; index >= 0; index--) {
    const bar = parseBar(parts[index] ?? "", name);
    if (bar) return bar;
  }
  return undefined;
}
