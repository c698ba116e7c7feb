// Words that ai-toolkit understands as values. From ostris/ai-toolkit@27a03a9 (0.12.26).
import { PRESETS } from "../../../shared/presets.ts";
import { NOISE_SCHEDULERS, OPTIMIZERS } from "../../../shared/tools/configs.ts";

/** Text after a colon only tells presets apart. */
export function plainArch(arch: string): string {
  return arch.split(":", 1)[0] ?? arch;
}

/** An unknown one is no error to the trainer: it loads the model as if it were SD 1.5. */
export const ARCHS: ReadonlySet<string> = new Set([
  ...PRESETS.map(({ arch }) => plainArch(arch)),
  // Supported, but without a preset.
  ...[
    "sd1",
    "sd2",
    "ssd",
    "vega",
    "pixart",
    "pixart_sigma",
    "auraflow",
    "cogview4",
    "f-lite",
    "chroma_radiance",
  ],
]);

const UNETS: ReadonlySet<string> = new Set(["sd1", "sd15", "sd2", "sdxl", "ssd", "vega"]);

/** Stable Diffusion before the transformers; noise is predicted, and a LoRA has an alpha. */
export function isUnet(arch: string): boolean {
  return UNETS.has(plainArch(arch));
}

/** LoRAs of transformers are written in a format without alpha, so the trainer sets alpha to the rank. */
export function ignoresAlpha(arch: string): boolean {
  const plain = plainArch(arch);
  return ARCHS.has(plain) && !UNETS.has(plain);
}

/** `train.noise_scheduler` and `sample.sampler` (toolkit/sampler.py). */
export const SCHEDULERS: readonly string[] = [
  ...NOISE_SCHEDULERS,
  ...["k_lms", "k_euler", "k_dpmsolver", "k_dpmsolver++", "custom_lcm"],
];

/** `train.lr_scheduler`: toolkit/scheduler.py, then diffusers' own names. */
export const LR_SCHEDULERS: readonly string[] = [
  ...["constant", "linear", "cosine", "cosine_with_restarts", "step", "constant_with_warmup"],
  ...["polynomial", "piecewise_constant"],
];

/** `train.timestep_type` (toolkit/samplers/custom_flowmatch_sampler.py and BaseSDTrainProcess.py). */
export const TIMESTEP_TYPES: readonly string[] = [
  ...["sigmoid", "linear", "weighted", "shift", "flux_shift", "lumina2_shift", "lognorm_blend"],
  ...["next_sample", "one_step", "two_step", "four_step", "eight_step"],
];

export const CONTENT_OR_STYLE: readonly string[] = ["balanced", "content", "style"];

/** What `save.dtype` and `train.dtype` may say (toolkit/train_tools.py), and the bytes of one number; another word fails at its first use. */
export const DTYPE_BYTES: Readonly<Record<string, number>> = {
  ...Object.fromEntries(["fp32", "float32", "float", "single"].map((name) => [name, 4])),
  ...Object.fromEntries(["fp16", "float16", "half", "bf16", "bfloat16"].map((name) => [name, 2])),
  ...Object.fromEntries(["float8", "e4m3fn", "8bit"].map((name) => [name, 1])),
};

const numbered = (stem: string, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => `${stem}${from + index}`);

/** `model.qtype` and `qtype_te`: toolkit/util/quantize.py, with the names of optimum-quanto. */
export const QTYPES: readonly string[] = [
  ...["qfloat8", "qint8", "qint4", "qint2", "qfloat8_e4m3fn", "qfloat8_e4m3fnuz", "qfloat8_e5m2"],
  ...["float8", "int8", ...numbered("uint", 2, 8)],
  ...["convrot4", "convrot8", "convrotbitnet", "convrotcomfyw4a4", ...numbered("convrotint", 2, 8)],
  ...["nvfp4", ...numbered("orbit", 2, 4), ...numbered("orbitvq", 2, 4)],
];

export const SAVE_FORMATS: readonly string[] = ["safetensors", "diffusers"];

/** `sample.format`; models of videos and music choose their own. */
export const SAMPLE_FORMATS: readonly string[] = ["jpg", "jpeg", "png", "webp", "mp4", "mp3", "wav"];

/** `train.loss_type`; any other word trains with the mean squared error (SDTrainer.py). */
export const LOSS_TYPES: readonly string[] = [
  ...["mse", "mae", "wavelet", "stepped", "pseudo_huber", "mean_flow", "pixelspace"],
];

/** `network.type`; any other word trains a plain LoRA. */
export const NETWORK_TYPES: readonly string[] = [
  "lora",
  "locon",
  "lycoris",
  "lokr",
  "dora",
  "lorm",
  "fullrank",
];

const EXACT_OPTIMIZERS: readonly string[] = [...OPTIMIZERS, "adam8", "adamw8", "automagicexperiment"];

/** Names for "did you mean". */
export const OPTIMIZER_NAMES: readonly string[] = [
  ...EXACT_OPTIMIZERS,
  "dadaptation",
  "dadaptationadam",
  "dadaptationlion",
];

/** As toolkit/optimizer.py tells them apart: upper and lower case alike, two families by their beginning. */
export function isOptimizer(name: string): boolean {
  const lower = name.toLowerCase();
  return lower.startsWith("prodigy") || lower.startsWith("dadaptation") || EXACT_OPTIMIZERS.includes(lower);
}

/** The Python package of an optimizer that ai-toolkit's own requirements leave out, as pip calls it. */
export function missingPackage(optimizer: string): string | undefined {
  const lower = optimizer.toLowerCase();
  if (lower === "lion") return "lion-pytorch";
  if (lower.startsWith("dadaptation")) return "dadaptation";
  return undefined;
}

/** Jobs that take models apart, make pictures, or train in ways long gone. Their processes have other blocks. */
export const OTHER_JOBS: readonly string[] = ["train", "extract", "mod", "generate"];

/** Process types that train, and hence need data sets and a model. Captioners and tools do not. */
export const TRAINERS: ReadonlySet<string> = new Set([
  "diffusion_trainer",
  "sd_trainer",
  "ui_trainer",
  "textual_inversion_trainer",
  "concept_slider",
]);

/** Process types that do something else than train. */
export const OTHER_PROCESSES: ReadonlySet<string> = new Set([
  ...["Qwen3VLCaptioner", "Qwen3OmniCaptioner", "AceStepCaptioner", "Ideogram4Captioner"],
  ...["reference_generator", "pure_lora_generator", "batch_img2img", "dataset_tools", "super_tagger"],
  ...["sync_from_collection", "example_merge_extension"],
  ...["image_reference_slider_trainer", "ultimate_slider_trainer", "concept_replacer"],
]);
