import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { phaseInLog } from "./log-phase.ts";

const run = readFileSync(new URL("fixtures/run.log", import.meta.url));

/** Phases in the order in which they are seen when the log is read again after every byte that is written. */
function phasesWhile(log: Buffer, name: string): (string | undefined)[] {
  const seen: (string | undefined)[] = [];
  for (let length = 0; length <= log.length; length++) {
    const phase = phaseInLog(log.toString("utf8", 0, length), name);
    if (seen.length === 0 || seen.at(-1) !== phase) seen.push(phase);
  }
  return seen;
}

test("the recorded run goes through its phases, wherever its log is cut", () => {
  const round = ["saving", "sampling", "training"];
  expect(phasesWhile(run, "tiny_run_v1")).toEqual([
    undefined,
    "loading",
    "caching",
    "baseline_samples",
    "training",
    ...round,
    ...round,
    "saving",
    "sampling",
  ]);
});

const bar = (name: string, step: number) =>
  `\r${name}:  50%|█████     | ${step}/12 [00:08<00:15,  2.17s/it, lr: 1.0e-04 loss: 1.261e+00]`;

test.each([
  ["a bar of the run itself", bar("x", 6), "training"],
  ["the bar of another run with a longer name", bar("x2", 6), undefined],
  ["a name made of a pattern's characters", bar("[x]Y.*(", 6), undefined],
  ["a line glued to the bar", `${bar("x", 6)}Saved checkpoint to /data/x_000000005.safetensors`, "saving"],
  [
    "a sampling bar below the run's",
    `${bar("x", 6)}\n\rGenerating Images:  50%|█   | 1/2 [00:06<00:06,  6.58s/it]\u001b[A`,
    "sampling",
  ],
  [
    "samples of a model with a class of its own",
    "\rGenerating Samples:   0%|   | 0/2 [00:00<?, ?it/s]",
    "sampling",
  ],
  [
    "bars of denoising steps below a sampling bar",
    "Generating Images:   0%| | 0/2 [00:00<?, ?it/s]\r 40%|####  | 8/20 [00:01<00:02]",
    "sampling",
  ],
  ["a download", "\rFetching 5 files:  40%|████      | 2/5 [00:09<00:14,  4.8s/it]", "loading"],
  ["quantising", "Quantizing transformer\n\r 12%|█▎        | 7/57 [00:03<00:20]", "loading"],
  [
    "a model that moves weights after the last step",
    `${bar("x", 12)}\nMoving transformer back to GPU\nLoading inference lora`,
    "saving",
  ],
  ["an adapter that is loaded for a sampling", `${bar("x", 6)}\nLoading inference lora`, "training"],
  [
    "an adapter that is loaded for baseline samples",
    "Generating baseline samples before training\nLoading inference lora\n\rGenerating Images:   0%|   | 0/2 [00:00<?, ?it/s]",
    "baseline_samples",
  ],
  ["a second run in one log", `${bar("x", 12)}\n# Running job: x\nLoading transformer`, "loading"],
  ["text embeddings", "\rCaching text embeddings to disk:  40%|████  | 2/5 [00:09<00:14]", "caching"],
  [
    "an older toolkit's word for a saved file",
    `${bar("x", 6)}\nSaved to /data/x_000000005.safetensors`,
    "saving",
  ],
  [
    "the echo of a config whose prompts are phases",
    '    "prompts": [\n        "Generating Images: 1",\n        "Saving at step 4"',
    undefined,
  ],
])("%s", (_, log, phase) => {
  expect(phaseInLog(log, "x")).toBe(phase);
});

test("a name made of a pattern's characters is found by its own letters", () => {
  expect(phaseInLog(bar("[x]Y.*(", 6), "[x]Y.*(")).toBe("training");
});
