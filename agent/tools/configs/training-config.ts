// What a client asked for + a preset → the config that today's ai-toolkit trains with, as data.
import type * as v from "valibot";
import type { PresetChoice } from "../../../shared/preset-choice.ts";
import type { Preset } from "../../../shared/presets.ts";
import type { createTrainingConfig } from "../../../shared/tools/configs.ts";
import { ignoresAlpha, missingPackage } from "./known-values.ts";
import { promptFlags } from "./prompt-flags.ts";

export type TrainingInput = v.InferOutput<(typeof createTrainingConfig)["input"]>;

export interface TrainingFolders {
  /** Absolute: the trainer's idea of a relative path depends on where it was started. */
  readonly dataset: string;
  readonly output: string;
}

export interface TrainingConfig {
  readonly config: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** The old server's, for models that read plain sentences. */
const DEFAULT_PROMPTS = [
  "a woman holding a coffee cup, in a beanie, sitting at a cafe",
  "a man showing off his cool new t-shirt at the beach",
];

/** A run shorter than this has no intermediate checkpoint; its final file is written all the same. */
const SAVE_EVERY_STEPS = 250;

function resolutionOf(input: TrainingInput, preset: Preset): number | readonly number[] {
  const [only, ...more] = preset.resolution;
  return input.resolution ?? (more.length === 0 && only !== undefined ? only : preset.resolution);
}

/** Of several sizes asked for the last, as the old server did: people list the largest last. */
function sampleSizeOf({ resolution }: TrainingInput, preset: Preset): number {
  return (typeof resolution === "number" ? resolution : resolution?.at(-1)) ?? preset.sampleSize;
}

/** Saying what the preset says anyway changes nothing; saying the opposite is meant for the text encoder as well. */
function quantizationOf(
  { quantize }: TrainingInput,
  preset: Preset,
): { quantize: boolean; quantize_te: boolean } {
  if (quantize === undefined || quantize === preset.quantize) {
    return { quantize: preset.quantize, quantize_te: preset.quantizeTe };
  }
  return { quantize, quantize_te: quantize };
}

/** The old server's default, where the model has no other need. */
const DEFAULT_RANK = 16;
const DEFAULT_ALPHA = 16;

function rankOf(input: TrainingInput, preset: Preset): number {
  return input.rank ?? preset.rank ?? DEFAULT_RANK;
}

function alphaOf(input: TrainingInput, preset: Preset): number {
  // What the trainer will make of it anyway is what shall be read in the file.
  return ignoresAlpha(preset.arch) ? rankOf(input, preset) : (input.alpha ?? DEFAULT_ALPHA);
}

function warningsFor(input: TrainingInput, preset: Preset, prompts: readonly string[]): string[] {
  const scheduler = input.noise_scheduler ?? preset.scheduler;
  const optimizer = input.optimizer ?? preset.optimizer;
  const missing = missingPackage(optimizer);
  const rank = rankOf(input, preset);
  const lr = input.lr ?? preset.lr;
  const { trigger_word: trigger } = input;
  const triggerInPrompts = prompts.some(
    (prompt) => prompt.includes("[trigger]") || (trigger && prompt.includes(trigger)),
  );
  const all: (string | false | undefined)[] = [
    ignoresAlpha(preset.arch) &&
      input.alpha !== undefined &&
      input.alpha !== rank &&
      `alpha ${input.alpha} has no effect: for ${preset.name} ai-toolkit sets alpha to the rank, ${rank}`,
    (scheduler === "flowmatch") !== (preset.scheduler === "flowmatch") &&
      `noise_scheduler '${scheduler}' does not fit ${preset.name}, which is trained with '${preset.scheduler}'`,
    missing &&
      `optimizer '${optimizer}' needs the Python package ${missing}, which ai-toolkit does not install; run 'pip install ${missing}' in its environment first`,
    optimizer.startsWith("prodigy") &&
      lr < 0.1 &&
      `optimizer '${optimizer}' finds its own learning rate: ai-toolkit uses 1.0 instead of ${lr}`,
    Boolean(trigger) &&
      prompts.length > 0 &&
      !triggerInPrompts &&
      "No sample prompt contains the trigger word, so samples will not show what is learned; put [trigger] into the prompts",
    preset.kind === "edit" &&
      `${preset.name} needs a control image of the same name for every training image: add control_path to the data set in the config, and '--ctrl_img PATH' to each prompt`,
    preset.kind === "video" &&
      preset.dataset?.num_frames === undefined &&
      "As written this trains on still images; for video clips add num_frames to the data set in the config",
  ];
  return all.filter((each) => typeof each === "string");
}

/**
 * The keys are the old server's, with these differences: an absolute training_folder; `diffusion_trainer`, which can
 * report to a database; speed and loss on record; and `arch` instead of the is_* flags, from which the trainer derives
 * them. `prompts` stays: every release reads it, while those before `samples` came would sample nothing. `linear_alpha`
 * is always written because the trainer's default is 1, not the rank.
 */
export function trainingConfig(
  input: TrainingInput,
  { preset, modelPath, warnings }: PresetChoice,
  folders: TrainingFolders,
): TrainingConfig {
  const scheduler = input.noise_scheduler ?? preset.scheduler;
  const size = sampleSizeOf(input, preset);
  const prompts = input.prompts ?? preset.prompts ?? DEFAULT_PROMPTS;
  const config = {
    job: "extension",
    config: {
      name: input.name,
      process: [
        {
          type: "diffusion_trainer",
          training_folder: folders.output,
          device: "cuda:0",
          ...(input.trigger_word && { trigger_word: input.trigger_word }),
          performance_log_every: 10,
          network: {
            type: "lora",
            linear: rankOf(input, preset),
            linear_alpha: alphaOf(input, preset),
            transformer_only: true,
            ...preset.network,
          },
          save: {
            dtype: "float16",
            save_every: SAVE_EVERY_STEPS,
            max_step_saves_to_keep: 4,
            push_to_hub: false, // true without a token waits for somebody to type one
          },
          datasets: [
            {
              folder_path: folders.dataset,
              caption_ext: "txt",
              ...preset.dataset,
              caption_dropout_rate: input.caption_dropout_rate,
              shuffle_tokens: false,
              cache_latents_to_disk: input.cache_latents,
              resolution: resolutionOf(input, preset),
              is_reg: false,
            },
          ],
          train: {
            batch_size: input.batch_size,
            steps: input.steps,
            gradient_accumulation_steps: 1,
            train_unet: true,
            train_text_encoder: false,
            gradient_checkpointing: input.gradient_checkpointing,
            noise_scheduler: scheduler,
            ...(preset.timestepType && { timestep_type: preset.timestepType }),
            optimizer: input.optimizer ?? preset.optimizer,
            lr: input.lr ?? preset.lr,
            skip_first_sample: false,
            disable_sampling: false,
            linear_timesteps: false,
            dtype: preset.dtype,
            ema_config: { use_ema: true, ema_decay: 0.99 },
            ...preset.train,
          },
          model: {
            name_or_path: modelPath,
            arch: preset.arch,
            ...quantizationOf(input, preset),
            ...(preset.qtype && { qtype: preset.qtype }),
            ...(preset.qtypeTe && { qtype_te: preset.qtypeTe }),
            low_vram: preset.lowVram,
            ...preset.model,
          },
          sample: {
            sampler: scheduler,
            sample_every: SAVE_EVERY_STEPS,
            width: size,
            height: size,
            prompts,
            neg: "",
            seed: 42,
            walk_seed: true,
            guidance_scale: preset.guidanceScale,
            sample_steps: preset.sampleSteps,
            ...preset.sample,
          },
          logging: { log_every: 1, verbose: false, use_wandb: false, use_ui_logger: true },
        },
      ],
    },
    meta: { name: "[name]", version: "1.0" },
  };
  return {
    config,
    warnings: [
      ...warnings,
      ...warningsFor(input, preset, prompts),
      ...prompts.flatMap((prompt, index) =>
        promptFlags(prompt).warnings.map((text) => `prompts[${index}]: ${text}`),
      ),
    ],
  };
}
