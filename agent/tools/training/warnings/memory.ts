// Memory of the GPU that ran out without ending the run.
import type { Check } from "./watched.ts";

/** As BaseSDTrainProcess.py prints it; the fourth in a row is the end. */
const SKIPPED = /# OOM during training step, skipping batch \d+\/3 #/g;

export const outOfMemory: Check = ({ logTail }) => {
  const skipped = logTail.match(SKIPPED)?.length ?? 0;
  if (skipped === 0) return undefined;
  return {
    code: "out_of_memory",
    message: `The GPU ran out of memory in ${skipped} recent step${skipped === 1 ? "" : "s"}, and ${skipped === 1 ? "its batch was" : "their batches were"} skipped; four in a row end the run.`,
    hint: "Lower the resolution or batch_size, turn on low_vram or gradient_checkpointing, or end other programs on the GPU; large pictures of the data set may never be trained",
  };
};
