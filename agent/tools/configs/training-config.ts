// What a client asked for + a preset → the config that today's ai-toolkit trains with, as data.
import type * as v from "valibot";
import type { PresetChoice } from "../../../shared/preset-choice.ts";
import type { Preset } from "../../../shared/presets.ts";
import type { createTrainingConfig } from "../../../shared/tools/configs.ts";
import { needsControlToSample } from "./control-checks.ts";
import type { ControlSample } from "./control-images.ts";
import { ignoresAlpha, missingPackage, plainArch } from "./known-values.ts";
import { promptFlags } from "./prompt-flags.ts";

export type TrainingInput = v.InferOutput<(typeof createTrainingConfig)["input"]>;

export interface TrainingFolders {
  /** Absolute: the trainer's idea of a relative path depends on where it was started. */
  readonly dataset: string;
  readonly output: string;
  /** Of control images. */
  readonly controls?: readonly string[];
  /** What there is to sample with. */
  readonly controlSamples?: readonly ControlSample[];
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

/** Of ai-toolkit's own example, for models that change pictures. */
const EDIT_PROMPTS = ["make the person smile", "turn this image into a cartoon"];

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
    preset.kind !== "video" &&
      input.num_frames !== undefined &&
      `num_frames has no effect: ${preset.name} is no video model`,
    preset.dataset?.auto_frame_count === true &&
      input.num_frames === undefined &&
      input.batch_size > 1 &&
      `${preset.name} takes clips at their own length, which ai-toolkit can only do with a batch_size of 1; or give num_frames`,
    preset.kind === "audio" &&
      prompts.some((prompt) => !/<CAPTION>.*<\/CAPTION>/s.test(prompt)) &&
      `A prompt without <CAPTION>…</CAPTION> is empty to ${preset.name}; captions need the same tags: <CAPTION>, <LYRICS>, <BPM>, <KEYSCALE>, <TIMESIGNATURE>, <DURATION>, <LANGUAGE>`,
  ];
  return all.filter((each) => typeof each === "string");
}

/** Frames of each clip; images in the same folder are trained as stills all the same. */
function framesOf(input: TrainingInput, preset: Preset): Readonly<Record<string, unknown>> {
  if (preset.kind !== "video") return {};
  if (input.num_frames !== undefined) return { num_frames: input.num_frames, auto_frame_count: false };
  return { num_frames: preset.dataset?.num_frames ?? preset.sample?.num_frames ?? 1 };
}

interface Samples {
  /** Keys of the sample block. */
  readonly block: Readonly<Record<string, unknown>>;
  readonly prompts: readonly string[];
  /** There is nothing to sample with. */
  readonly off: boolean;
}

const hasControl = (prompt: string) => promptFlags(prompt).controlImages.length > 0;

/** `samples` can name several control images; it came before the models that need it, so `prompts` is for all others. */
function samplesOf(input: TrainingInput, preset: Preset, found: readonly ControlSample[]): Samples {
  const isNeeded = preset.kind === "edit" || needsControlToSample(plainArch(preset.arch));
  const captions = found.flatMap(({ caption }) => caption ?? []);
  const usual = preset.kind === "edit" ? (captions.length > 0 ? captions : EDIT_PROMPTS) : DEFAULT_PROMPTS;
  const prompts = input.prompts ?? preset.prompts ?? usual;
  if (found.length === 0) return { block: { prompts }, prompts, off: isNeeded && !prompts.every(hasControl) };
  const key = (index: number) => (preset.controlFolders === 3 ? `ctrl_img_${index + 1}` : "ctrl_img");
  const samples = prompts.map((prompt, index) => {
    const images = hasControl(prompt) ? [] : (found[index % found.length]?.images ?? []);
    return { prompt, ...Object.fromEntries(images.map((image, i) => [key(i), image])) };
  });
  return { block: { samples }, prompts, off: false };
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
  const { controls = [], controlSamples = [] } = folders;
  const samples = samplesOf(input, preset, controlSamples);
  const { prompts } = samples;
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
              ...framesOf(input, preset),
              ...(controls.length > 0 && { control_path: controls.length === 1 ? controls[0] : controls }),
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
            disable_sampling: samples.off,
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
            ...samples.block,
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
      ...(samples.off
        ? [
            `No samples are drawn: ${preset.name} needs a control image for each, and there is none yet; upload the control images and create the config again, or set sample.samples and train.disable_sampling with update_config`,
          ]
        : []),
      ...prompts.flatMap((prompt, index) =>
        promptFlags(prompt).warnings.map((text) => `prompts[${index}]: ${text}`),
      ),
    ],
  };
}
