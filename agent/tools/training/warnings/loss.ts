// Losses that say that a run is not worth going on with.
import { isLoss } from "../loss-stats.ts";
import type { Check } from "./watched.ts";

/** As SDTrainer.py prints it, on a line of its own or glued to the bar before it. It then trains on with a loss of 0. */
const SAID_NAN = /(?:^|[\r\n\]])loss is nan(?=[\r\n]|$)/g;
/** A bar with a loss that is none, of trainers that log it as it is. */
const BAR_NAN = /\| \d+\/\d+ \[[^\]]*\bloss: (?:nan|inf)\b[^\]]*\]/;

/** How far back a NaN is news. */
const RECENT_STEPS = 100;

const NAN_HINT =
  "Stop the run and start again from a checkpoint before it, with a lower learning rate and dtype bf16; what was trained since is likely broken";

export const nanLoss: Check = ({ losses, logTail }) => {
  const said = logTail.match(SAID_NAN)?.length ?? 0;
  const recent = losses.slice(-RECENT_STEPS);
  // A logged 0 is a NaN only where the trainer has said so.
  const bad = recent.filter(({ value }) => !isLoss(value) && (value !== 0 || said > 0)).length;
  if (bad === 0 && said === 0 && !BAR_NAN.test(logTail)) return undefined;
  const how = bad > 0 ? `in ${bad} of the last ${recent.length} logged steps` : "lately";
  return { code: "nan_loss", message: `The loss was no number (NaN or infinite) ${how}.`, hint: NAN_HINT };
};

const rounded = (value: number) => Number(value.toPrecision(3));

export const lossBlowUp: Check = ({ blowUp }) =>
  blowUp
    ? {
        code: "loss_blow_up",
        message: `The loss has left the run's own band: about ${rounded(blowUp.now)} in the newest steps, ${rounded(blowUp.usual)} before.`,
        hint: "Look at get_training_samples; if they break, stop and start again from an earlier checkpoint with a lower learning rate",
      }
    : undefined;
