// Values that ai-toolkit takes without a word and trains something else with, or stops at only when the model is loaded.

import { movedModel } from "../../../shared/preset-choice.ts";
import { knownModel } from "../../../shared/presets.ts";
import {
  asObject,
  asText,
  blocker,
  type Check,
  error,
  type Finding,
  isObject,
  type JsonObject,
  type Process,
  warning,
} from "./check.ts";
import {
  ARCHS,
  CONTENT_OR_STYLE,
  DTYPE_BYTES,
  isOptimizer,
  isUnet,
  LOSS_TYPES,
  LR_SCHEDULERS,
  missingPackage,
  NETWORK_TYPES,
  OPTIMIZER_NAMES,
  plainArch,
  QTYPES,
  SAMPLE_FORMATS,
  SAVE_FORMATS,
  SCHEDULERS,
  TIMESTEP_TYPES,
} from "./known-values.ts";
import { archOf } from "./model-arch.ts";
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
      "Write the arch that list_model_presets shows for the model",
    ),
  ];
}

function optimizer({ at, block }: Process): (Finding | undefined)[] {
  const value = asText(asObject(block.train).optimizer);
  if (value === undefined) return [];
  if (!isOptimizer(value))
    return [
      error(`${at}Unknown optimizer '${value}'${didYouMean(value, OPTIMIZER_NAMES)}`, "Write adamw8bit"),
    ];
  const missing = missingPackage(value);
  return [
    missing
      ? warning(
          `${at}Optimizer '${value}' needs 'pip install ${missing}' in ai-toolkit's environment first`,
          "Install it, or write adamw8bit",
        )
      : undefined,
  ];
}

/** Words that end the job when they are met, mostly after the model was loaded. */
function unknownWords({ at, block }: Process): Finding[] {
  const train = asObject(block.train);
  const save = asObject(block.save);
  const words = [
    ["train.noise_scheduler", train.noise_scheduler, SCHEDULERS],
    ["sample.sampler", asObject(block.sample).sampler, SCHEDULERS],
    ["train.lr_scheduler", train.lr_scheduler, LR_SCHEDULERS],
    // Only models with flow matching look at it, which are all but the UNets.
    [
      "train.timestep_type",
      isUnet(archOf(asObject(block.model))) ? undefined : train.timestep_type,
      TIMESTEP_TYPES,
    ],
    ["train.content_or_style", train.content_or_style, CONTENT_OR_STYLE],
    ["train.dtype", train.dtype, Object.keys(DTYPE_BYTES)],
    ["save.dtype", save.dtype, Object.keys(DTYPE_BYTES)],
    ["save.save_format", save.save_format, SAVE_FORMATS],
    ["sample.format", asObject(block.sample).format, SAMPLE_FORMATS],
  ] as const;
  return words.flatMap(([key, value, known]) =>
    typeof value !== "string" || known.includes(value)
      ? []
      : [
          error(
            `${at}Unknown ${key} '${value}'${didYouMean(value, known)}`,
            `Write one of ${known.join(", ")}`,
          ),
        ],
  );
}

function networkType({ at, block }: Process): Finding[] {
  const value = asText(asObject(block.network).type);
  if (value === undefined || NETWORK_TYPES.includes(value.toLowerCase())) return [];
  return [
    warning(
      `${at}Unknown network.type '${value}'${didYouMean(value, NETWORK_TYPES)}: a plain LoRA is trained instead`,
      `Write one of ${NETWORK_TYPES.join(", ")}`,
    ),
  ];
}

/** Only looked at where something is quantized; the model is loaded by then. */
function quantization({ at, block }: Process): Finding[] {
  const model = asObject(block.model);
  const quantizesTe = model.quantize_te ?? model.quantize;
  return (
    [
      ["qtype", model.quantize, model.qtype],
      ["qtype_te", quantizesTe, model.qtype_te],
    ] as const
  ).flatMap(([key, isUsed, value]) => {
    // What stands behind the bar is an accuracy recovery adapter.
    const name = asText(value)?.split("|", 1)[0];
    if (isUsed !== true || name === undefined || QTYPES.includes(name)) return [];
    // No error: a newer ai-toolkit may know it.
    return [
      warning(
        `${at}Unknown model.${key} '${name}'${didYouMean(name, QTYPES)}; a trainer that does not know it ends when the model is loaded`,
        "Write qfloat8, or remove the key",
      ),
    ];
  });
}

function lossType({ at, block }: Process): Finding[] {
  const value = asText(asObject(block.train).loss_type);
  if (value === undefined || LOSS_TYPES.includes(value)) return [];
  return [
    warning(
      `${at}Unknown train.loss_type '${value}'${didYouMean(value, LOSS_TYPES)}: the mean squared error is trained with instead`,
      `Write one of ${LOSS_TYPES.join(", ")}`,
    ),
  ];
}

/** `rank` wins over `linear`; 4 is the trainer's default. */
export function rankOf(network: JsonObject): number | null {
  const rank = network.rank ?? network.linear ?? 4;
  return typeof rank === "number" ? rank : null;
}

function alpha({ at, block }: Process): (Finding | false)[] {
  const network = asObject(block.network);
  const type = (asText(network.type) ?? "lora").toLowerCase();
  const rank = rankOf(network) ?? 0;
  const given = network.linear_alpha ?? network.alpha;
  return [
    isObject(block.network) &&
      (type === "lora" || type === "dora") &&
      given === undefined &&
      rank > 1 &&
      isUnet(archOf(asObject(block.model))) &&
      warning(
        `${at}There is no 'network.linear_alpha': the trainer's default is 1, which at rank ${rank} weakens the LoRA to a ${rank}th`,
        `Add linear_alpha: ${rank}`,
      ),
  ];
}

/** Models of the older class that need it spelled out; all others bring their own schedule. */
const NEED_FLOWMATCH = ["flux", "flex1", "sd3", "lumina2"];

function flowmatch({ at, block }: Process): (Finding | false)[] {
  const arch = archOf(asObject(block.model));
  const scheduler = asObject(block.train).noise_scheduler;
  return [
    NEED_FLOWMATCH.includes(arch) &&
      scheduler !== "flowmatch" &&
      warning(
        `${at}'${arch}' is trained with noise_scheduler 'flowmatch', not ${scheduler === undefined ? "the default, 'ddpm'" : `'${String(scheduler)}'`}: the LoRA would be worthless`,
        "Write train.noise_scheduler: flowmatch",
      ),
  ];
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
        "Add network: {type: lora, linear: 16, linear_alpha: 16}",
      ),
  ]),
  eachTrainer("learning rate", ({ at, block }) => [
    asObject(block.train).lr === undefined &&
      warning(
        `${at}There is no 'train.lr': the trainer's default is 1e-6, far too low for a LoRA; 1e-4 is usual`,
        "Add train.lr: 1e-4",
      ),
  ]),
  eachTrainer("arch", arch),
  eachTrainer("optimizer", optimizer),
  eachTrainer("words", unknownWords),
  eachTrainer("network type", networkType),
  eachTrainer("loss type", lossType),
  eachTrainer("quantization", quantization),
  eachTrainer("alpha", alpha),
  eachTrainer("flowmatch", flowmatch),
  eachTrainer("moved model", ({ at, block }) => {
    const path = asText(asObject(block.model).name_or_path);
    const moved = path && movedModel(path);
    return [
      moved
        ? warning(
            `${at}The model '${path}' no longer exists on Hugging Face; use '${moved}'`,
            `Write model.name_or_path: ${moved}`,
          )
        : undefined,
    ];
  }),
  {
    name: "gated model",
    run: async ({ trainers, hasHfToken, isDownloaded }) => {
      const findings: Finding[] = [];
      for (const { at, block } of trainers) {
        const path = asText(asObject(block.model).name_or_path);
        if (hasHfToken || path === undefined || !knownModel(path)?.gated || (await isDownloaded(path)))
          continue;
        findings.push(
          blocker(
            `${at}The model '${path}' is gated: accept its licence at https://huggingface.co/${path} and start the agent with HF_TOKEN, unless it is downloaded already`,
            "Accept the licence, set HF_TOKEN for this server and start it anew",
          ),
        );
      }
      return findings;
    },
  },
];
