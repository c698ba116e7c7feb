// What a run's losses say. A single loss of a diffusion training says little: it depends on the timestep that was drawn.

import { type Point, smooth } from "./curve.ts";
import { median } from "./median.ts";

export type Trend = "falling" | "flat" | "rising";

/** For a trend: about the last hundred steps count. */
export const TREND_WEIGHT = 0.97;
/** A trend of fewer losses is chance. */
const TREND_LOSSES_MIN = 40;
/** Between the halves of the window: chance seldom reaches three standard errors, and below 2 % nobody cares. */
const TREND_SIGMAS = 3;
const TREND_SHARE_MIN = 0.02;

/**
 * Is it a loss? A trainer that meets NaN trains on with 0 in its place and says "loss is nan" (SDTrainer.py); others log
 * NaN, which SQLite keeps as NULL.
 */
export const isLoss = (value: number | null): value is number =>
  value !== null && Number.isFinite(value) && value !== 0;

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of the mean: how far it is likely off. */
function standardError(values: readonly number[], around: number): number {
  const sum = values.reduce((all, value) => all + (value - around) ** 2, 0);
  return Math.sqrt(sum / (values.length - 1) / values.length);
}

export interface Change {
  readonly trend: Trend;
  /** From the first half of the window to the second. */
  readonly percent: number;
}

/** The second half of the losses against the first; null when there are too few to tell. */
export function trendOf(losses: readonly number[]): Change | null {
  if (losses.length < TREND_LOSSES_MIN) return null;
  const half = losses.length >> 1;
  const [early, late] = [losses.slice(0, half), losses.slice(half)];
  const [before, after] = [mean(early), mean(late)];
  if (before === 0) return null;
  const change = after - before;
  const chance = Math.hypot(standardError(early, before), standardError(late, after));
  const counts = Math.abs(change) > Math.max(TREND_SIGMAS * chance, TREND_SHARE_MIN * Math.abs(before));
  return {
    trend: !counts ? "flat" : change < 0 ? "falling" : "rising",
    percent: Math.round((1000 * change) / Math.abs(before)) / 10,
  };
}

export function smoothedLast(points: readonly Point[]): number | null {
  return smooth(points, TREND_WEIGHT).at(-1)?.value ?? null;
}

/** Losses in a row whose median stands for them: the timestep's chance is gone, a jump is not. */
export const BLOCK = 20;
/** Fewer blocks make no band. */
const BLOCKS_MIN = 10;
/** How many losses must have left the band: two blocks in a row. */
export const SUSTAINED = 2 * BLOCK;
/** The half width of the band, in standard deviations as the median of the deviations gives them. */
const BAND_SIGMAS = 6;
const SIGMA_OF_MAD = 1.4826;
/** A run whose blocks hardly differ has a narrow band; half as much again is a jump also for the eye. */
const BAND_FACTOR = 1.5;

export interface BlowUp {
  /** Median of the newest losses. */
  readonly now: number;
  /** Median of the run's blocks. */
  readonly usual: number;
}

/**
 * Has the loss left the run's own band, and stayed away? `blocks`: medians of blocks spread over the run before `newest`.
 * Medians and not means throughout: one high loss moves neither, and neither does the blow-up itself while it is the
 * shorter part.
 */
export function blowUpOf(blocks: readonly number[], newest: readonly number[]): BlowUp | null {
  const usual = median(blocks);
  const now = median(newest);
  if (usual === null || now === null || blocks.length < BLOCKS_MIN || newest.length < SUSTAINED) return null;
  const spread = SIGMA_OF_MAD * (median(blocks.map((block) => Math.abs(block - usual))) ?? 0);
  const limit = Math.max(BAND_FACTOR * usual, usual + BAND_SIGMAS * spread);
  const isOut = (part: readonly number[]) => (median(part) ?? 0) > limit;
  return isOut(newest.slice(0, -BLOCK)) && isOut(newest.slice(-BLOCK)) ? { now, usual } : null;
}
