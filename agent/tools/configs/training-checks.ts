// Values that ai-toolkit takes without a word and trains something else with, or stops at only when the model is loaded.

import { movedModel } from "../../../shared/preset-choice.ts";
import { knownModel } from "../../../shared/presets.ts";
import { asObject, asText, type Check, error, type Finding, type Process, warning } from "./check.ts";
import {
  ARCHS,
  isOptimizer,
  missingPackage,
  OPTIMIZER_NAMES,
  plainArch,
  SCHEDULERS,
} from "./known-values.ts";
import { didYouMean } from "./nearest.ts";

/** A check of one training process. */
const eachTrainer = (
  name: string,
  run: (process: Process) => readonly (Finding | false | undefined)[],
): Check => ({
  name,
  run: ({ trainers }) => trainers.flatMap(run).filter((each) => typeof each === "object"),
});

function arch({ at, block }: Process): Finding[] {
  const value = asText(asObject(block.model).arch);
  if (value === undefined || ARCHS.has(plainArch(value))) return [];
  // No error: a newer ai-toolkit, or an extension, may know it.
  const guess = didYouMean(plainArch(value), ARCHS);
  return [
    warning(
      `${at}Unknown model.arch '${value}'${guess}; a trainer that does not know it loads the model as SD 1.5`,
    ),
  ];
}

function optimizer({ at, block }: Process): (Finding | undefined)[] {
  const value = asText(asObject(block.train).optimizer);
  if (value === undefined) return [];
  if (!isOptimizer(value))
    return [error(`${at}Unknown optimizer '${value}'${didYouMean(value, OPTIMIZER_NAMES)}`)];
  const missing = missingPackage(value);
  return [
    missing
      ? warning(`${at}Optimizer '${value}' needs 'pip install ${missing}' in ai-toolkit's environment first`)
      : undefined,
  ];
}

function schedulers({ at, block }: Process): Finding[] {
  return (
    [
      ["train.noise_scheduler", asText(asObject(block.train).noise_scheduler)],
      ["sample.sampler", asText(asObject(block.sample).sampler)],
    ] as const
  ).flatMap(([key, value]) =>
    value === undefined || SCHEDULERS.includes(value)
      ? []
      : [error(`${at}Unknown ${key} '${value}'${didYouMean(value, SCHEDULERS)}`)],
  );
}

/** Does it train a part, rather than the whole model? */
function trainsPart({ block }: Process): boolean {
  return Boolean(block.network || block.embedding || block.decorator || asObject(block.adapter).train);
}

export const TRAINING_CHECKS: readonly Check[] = [
  eachTrainer("network", (process) => [
    !trainsPart(process) &&
      warning(
        `${process.at}There is no 'network' block: this trains the whole model, not a LoRA. Add e.g. network: {type: lora, linear: 16, linear_alpha: 16}`,
      ),
  ]),
  eachTrainer("learning rate", ({ at, block }) => [
    asObject(block.train).lr === undefined &&
      warning(
        `${at}There is no 'train.lr': the trainer's default is 1e-6, far too low for a LoRA; 1e-4 is usual`,
      ),
  ]),
  eachTrainer("arch", arch),
  eachTrainer("optimizer", optimizer),
  eachTrainer("schedulers", schedulers),
  eachTrainer("moved model", ({ at, block }) => {
    const path = asText(asObject(block.model).name_or_path);
    const moved = path && movedModel(path);
    return [
      moved
        ? warning(`${at}The model '${path}' no longer exists on Hugging Face; use '${moved}'`)
        : undefined,
    ];
  }),
  {
    name: "gated model",
    run: ({ trainers, hasHfToken }) =>
      trainers.flatMap(({ at, block }) => {
        const path = asText(asObject(block.model).name_or_path);
        if (hasHfToken || path === undefined || !knownModel(path)?.gated) return [];
        return [
          warning(
            `${at}The model '${path}' is gated: accept its licence at https://huggingface.co/${path} and start the agent with HF_TOKEN, unless it is downloaded already`,
          ),
        ];
      }),
  },
];
