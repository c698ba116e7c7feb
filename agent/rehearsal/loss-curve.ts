import { hash, randomFrom } from "./random.ts";

/**
 * A made-up loss with the look of a diffusion run: the level falls quickly at first and flattens out, and every step
 * scatters widely around it, because each one draws its own timestep. float32, as the real log has it.
 */
export function lossAt(step: number, totalSteps: number, seed: number): number {
  const progress = step / Math.max(totalSteps, 1);
  const level = 0.32 + 0.28 * Math.exp(-5 * progress);
  const random = randomFrom(hash(`loss ${seed} ${step}`));
  const scatter = random() + random() + random() - 1.5; // near to a bell curve, -1.5 … 1.5
  return Math.fround(level * Math.exp(0.22 * scatter));
}
