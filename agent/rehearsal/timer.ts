// The "Timer …" table that the trainer prints every `performance_log_every` steps.

/** How a step's time was spent in the recorded run, as shares of `train_loop`. */
const SHARES = {
  train_loop: 1,
  backward: 0.46,
  predict_unet: 0.43,
  encode_prompt: 0.02,
  optimizer_step: 0.01,
  get_batch: 0.005,
  calculate_loss: 0.0005,
};

export interface StepTimer {
  add(ms: number): void;
  /** Mean seconds of a step since the last call, and the table. */
  take(title: string): { secondsPerStep: number; table: string };
}

export function stepTimer(): StepTimer {
  let sumMs = 0;
  let count = 0;
  return {
    add(ms) {
      sumMs += ms;
      count += 1;
    },
    take(title) {
      const secondsPerStep = sumMs / 1000 / Math.max(count, 1);
      const rows = Object.entries(SHARES).map(
        ([name, share]) => ` - ${(secondsPerStep * share).toFixed(4)}s avg - ${name}, num = ${count}`,
      );
      sumMs = 0;
      count = 0;
      return {
        secondsPerStep,
        table: `\nTimer '${title} Timer':\n${rows.join("\n")}\n`,
      };
    },
  };
}

/** As the trainer words it in `speed_string`. */
export const speedText = (secondsPerStep: number) =>
  secondsPerStep < 1
    ? `${(1 / secondsPerStep).toFixed(2)} iter/sec`
    : `${secondsPerStep.toFixed(2)} sec/iter`;
