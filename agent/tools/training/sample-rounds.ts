// The samples of a run as the rounds in which they were drawn: one image for each prompt, all under one step.
import { basename } from "node:path";
import { median } from "./median.ts";
import type { Sample } from "./run-files.ts";

export interface SampleRound {
  readonly step: number;
  /** As many as are there: a round that is being drawn is shorter. */
  readonly names: readonly string[];
  readonly firstMs: number;
  readonly lastMs: number;
}

/** Those drawn between two times (milliseconds since 1970), the newest round last. */
export function roundsOf(samples: readonly Sample[], sinceMs: number, untilMs: number): SampleRound[] {
  const bySteps = Map.groupBy(
    samples.filter(({ drawnMs }) => drawnMs >= sinceMs && drawnMs <= untilMs),
    ({ step }) => step,
  );
  const rounds = [...bySteps].map(([step, images]) => ({
    step,
    names: images.map(({ path }) => basename(path)),
    firstMs: Math.min(...images.map(({ drawnMs }) => drawnMs)),
    lastMs: Math.max(...images.map(({ drawnMs }) => drawnMs)),
  }));
  return rounds.sort((a, b) => a.lastMs - b.lastMs);
}

const ROUNDS_MAX = 5;

/**
 * What a round takes, by the times of its images: the first one's own time is not seen, so it is taken to be like the
 * others'. Null when no round has two images.
 */
export function roundSeconds(rounds: readonly SampleRound[]): number | null {
  const measured = rounds
    .filter(({ names }) => names.length > 1)
    .slice(-ROUNDS_MAX)
    .map(({ names, firstMs, lastMs }) => ((lastMs - firstMs) / 1000) * (names.length / (names.length - 1)));
  return median(measured);
}
