// A run's figures out of its loss_log.db, as few as a status needs, and those that seldom change only once.

import type { Point } from "./curve.ts";
import type { LoggedValue, LossLog } from "./loss-log.ts";
import { BLOCK, type BlowUp, blowUpOf, isLoss, SUSTAINED } from "./loss-stats.ts";
import { median } from "./median.ts";
import { type Costs, costsOf, type Gap, gapsOf, type Interruptions, stepSeconds } from "./pace.ts";
import type { RunMemory } from "./run-memory.ts";

export interface RunFigures {
  /** Unix seconds of the newest step. */
  readonly steppedAt: number;
  /** Where this run began: the step before the first that it has logged. */
  readonly start: number;
  /** Each of one step, the newest last. */
  readonly stepSeconds: readonly number[];
  readonly costs: Costs;
  /** The last tenth of the curve, oldest first. */
  readonly losses: readonly LoggedValue[];
  readonly lowest: Point | null;
  readonly blowUp: BlowUp | null;
  readonly learningRate: number | null;
}

export interface FiguresOptions {
  /** Start of the run, Unix seconds. */
  readonly since: number;
  readonly memory: RunMemory;
  readonly interruptions: Interruptions;
  /** Steps at which something was, or should have been, saved or sampled; the newest of each kind. */
  readonly marks: readonly number[];
  readonly savedAt: ReadonlyMap<number, number>;
  readonly samplingSeconds: number | null;
}

/** Enough for fifty step times when something is saved and sampled every few steps. */
const STEPS_READ = 120;
/** The window of the trend, in losses: a tenth of the curve within these bounds. */
const TREND = { share: 0.1, min: 60, max: 400 };
/** Blocks that stand for a curve of any length. */
const BLOCKS_MAX = 40;

export function readFigures(log: LossLog, options: FiguresOptions): RunFigures {
  const { since, memory, interruptions } = options;
  memory.firstStep ??= log.firstSince(since) ?? log.newest.step;
  const steps = log.steps(STEPS_READ).filter(({ wallTime }) => wallTime >= since);
  const seconds = stepSeconds(gapsOf(steps), interruptions);
  const tenth = Math.round((log.newest.step - log.oldestStep) * TREND.share);
  const losses = log.losses(Math.min(TREND.max, Math.max(TREND.min, tenth)));
  return {
    steppedAt: log.newest.wallTime,
    start: Math.max(0, memory.firstStep - 1),
    stepSeconds: seconds,
    costs: readCosts(log, options, median(seconds)),
    losses,
    lowest: lowestLoss(log, memory),
    blowUp: blowUp(log, memory, losses),
    learningRate: log.learningRate(),
  };
}

const UNKNOWN: Costs = { save: null, sampling: null, both: null };

function readCosts(log: LossLog, options: FiguresOptions, step: number | null): Costs {
  const { since, memory, interruptions, marks, savedAt, samplingSeconds } = options;
  if (step === null) return { ...UNKNOWN, sampling: samplingSeconds };
  const reached = marks.filter((mark) => mark <= log.newest.step);
  // Nothing was saved or sampled since: the step's own time alone does not change what that took.
  const key = JSON.stringify([reached, [...savedAt], samplingSeconds]);
  if (memory.costs?.key === key) return memory.costs.costs;
  const gaps = new Map<number, Gap>();
  for (const mark of reached) {
    const [gap] = gapsOf(log.around(mark));
    if (gap && gap.begin >= since) gaps.set(gap.to, gap);
  }
  const costs = costsOf({
    gaps: [...gaps.values()],
    interruptions,
    stepSeconds: step,
    savedAt,
    samplingSeconds,
  });
  memory.costs = { key, costs };
  return costs;
}

function lowestLoss(log: LossLog, memory: RunMemory): Point | null {
  const { step } = log.newest;
  // A resumed run takes back what came after its checkpoint.
  const known = memory.lowest && memory.lowest.through <= step ? memory.lowest : undefined;
  if (known?.through === step) return known.point;
  const newer = log.lowestLoss(known?.through ?? -1);
  const point = newer && (!known?.point || newer.value < known.point.value) ? newer : (known?.point ?? newer);
  memory.lowest = { through: step, point };
  return point;
}

const valuesOf = (losses: readonly LoggedValue[]) => losses.map(({ value }) => value).filter(isLoss);

function blowUp(log: LossLog, memory: RunMemory, losses: readonly LoggedValue[]): BlowUp | null {
  const newest = losses.filter(({ value }) => isLoss(value)).slice(-SUSTAINED);
  const first = newest[0]?.step ?? 0;
  const known = memory.blocks;
  if (!known || log.newest.step < known.through || log.newest.step >= known.through + BLOCK) {
    memory.blocks = { through: log.newest.step, medians: blockMedians(log, first) };
  }
  return blowUpOf(memory.blocks?.medians ?? [], valuesOf(newest));
}

/** Of blocks before the step `end`, evenly spread. */
function blockMedians(log: LossLog, end: number): number[] {
  const span = end - log.oldestStep;
  const count = Math.min(BLOCKS_MAX, Math.floor(span / BLOCK));
  return Array.from({ length: count }, (_, index) => {
    const from = log.oldestStep + Math.floor((index * span) / count);
    const block = log.lossesFrom(from, BLOCK);
    // Where not every step is logged a block is longer, and may reach into the newest one.
    return block.length === BLOCK && (block.at(-1)?.step ?? end) < end ? median(valuesOf(block)) : null;
  }).filter((value) => value !== null);
}
