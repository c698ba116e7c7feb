// The phase of a run as its log tells it, for trainers that do not report: old toolkits and `sd_trainer`. Every text
// stands in ai-toolkit's sources between December 2024 and August 2026.
import type { Phase } from "../../../shared/tools/training.ts";
import { segments } from "./log-text.ts";
import { parseBar } from "./progress.ts";

type LoggedPhase = Extract<
  Phase,
  "loading" | "caching" | "baseline_samples" | "training" | "saving" | "sampling"
>;

/** Only at the start of a line or of a bar: prompts and paths that the config's echo prints stand further right. */
const MARKS: readonly (readonly [RegExp, LoggedPhase])[] = [
  [/^Generating (baseline samples before training|first sample from)/, "baseline_samples"],
  // The old class and the models with one of their own word it differently.
  [/^(Generating (Images|Samples):|Sampling at step \d)/, "sampling"],
  [
    /^(Saving at step \d|Saved (checkpoint |optimizer )?to |Removing old save: |Could not save optimizer)/,
    "saving",
  ],
  [/^(Merging network weights into full model|Done merging network weights)/, "saving"],
  [/^Skipping first sample due to config setting/, "training"],
  [/^(Caching |Dataset: |Bucket sizes for |\d+ buckets made|Generating Controls:)/, "caching"],
  [/^( - (Saving|Keeping) latents | {2}- {2}(Preprocessing|Found) )/, "caching"],
  [
    /^(Loading |Quantizing |Fetching \d+ files|Downloading |Moving |Merging in |Making pipe|Preparing Model)/,
    "loading",
  ],
  [
    /^(Model Loaded|create LoRA |enable LoRA |Running {2}\d+ process|# Running job: |#### IMPORTANT RESUMING)/,
    "loading",
  ],
  [/^(Compiling model with|Compiled \d+ transformer|The first forward pass will)/, "loading"],
];

/** stdout and stderr share the log: a line may be glued to the bar before it. */
const GLUED = /\| \d+\/\d+ \[[^\]]*\](.+)$/;

const markOf = (text: string) => MARKS.find(([pattern]) => pattern.test(text))?.[1];

function phaseOfSegment(segment: string, name: string): LoggedPhase | undefined {
  const glued = GLUED.exec(segment)?.[1];
  const after = glued === undefined ? undefined : markOf(glued);
  if (after) return after;
  const bar = parseBar(segment, name);
  if (!bar) return markOf(segment);
  // After the last step the bar is closed, and the last save says nothing until it is done.
  return bar.totalSteps > 0 && bar.step >= bar.totalSteps ? "saving" : "training";
}

/** Said once, when all is still to be loaded: a log may hold an earlier run as well. */
const BEGINS = /^(# Running job: |#### IMPORTANT RESUMING)/;

/** Undefined while the log says nothing of it: the trainer is importing. */
export function phaseInLog(log: string, name: string): LoggedPhase | undefined {
  const parts = segments(log);
  let sampling = false;
  let preparing: LoggedPhase | undefined;
  for (let index = parts.length - 1; index >= 0; index--) {
    const part = parts[index] ?? "";
    const phase = phaseOfSegment(part, name);
    // Baseline samples draw the same bar; what came before it tells which they are.
    if (phase === "sampling") sampling = true;
    // Models load adapters and move weights for a sampling or a save, too; what came before tells.
    else if (phase === "loading" || phase === "caching") preparing ??= phase;
    else if (phase === "baseline_samples") return phase;
    else if (phase !== undefined) return sampling ? "sampling" : phase;
    if (BEGINS.test(part)) break;
  }
  return sampling ? "sampling" : preparing;
}
