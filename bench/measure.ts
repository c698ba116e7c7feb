// Times of things done in turn, A B A B …, so that a machine whose speed drifts drifts for both.
import { performance } from "node:perf_hooks";

export type Work = () => unknown | Promise<unknown>;

export function median(values: readonly number[]): number {
  const ordered = [...values].sort((a, b) => a - b);
  return ordered[ordered.length >> 1] ?? Number.NaN;
}

async function time(work: Work): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

/** Median milliseconds of each work, measured in turn after `warmUp` rounds. */
export async function medians(works: readonly Work[], rounds: number, warmUp: number): Promise<number[]> {
  const times: number[][] = works.map(() => []);
  for (let round = -warmUp; round < rounds; round++) {
    for (const [index, work] of works.entries()) {
      const ms = await time(work);
      if (round >= 0) times[index]?.push(ms);
    }
  }
  return times.map(median);
}

export interface Result {
  readonly what: string;
  readonly figure: string;
  readonly target: string;
  readonly ok: boolean;
}

const ms = (value: number) => `${value < 10 ? value.toFixed(3) : value.toFixed(1)} ms`;

/** `ours` against `base`, as a ratio. */
export function ratio(what: string, ours: number, base: number, most: number): Result {
  const times = ours / base;
  return {
    what,
    figure: `${ms(ours)} / ${ms(base)} = ${times.toFixed(2)}×`,
    target: `≤ ${most}×`,
    ok: times <= most,
  };
}

export function cost(what: string, value: number, mostMs: number): Result {
  return { what, figure: ms(value), target: `≤ ${mostMs} ms`, ok: value <= mostMs };
}
