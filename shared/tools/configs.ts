// Contracts of the tools for training configs.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import {
  Count,
  Flag,
  Json,
  lenient,
  Name,
  OneOf,
  output,
  PAGE_INPUT,
  PAGE_OUTPUT,
  Path,
  Real,
  Success,
  Text,
} from "../fields.ts";

/** Optimizers that ai-toolkit resolves (`toolkit/optimizer.py`). The first five are the old server's list. */
export const OPTIMIZERS = [
  "adamw",
  "adamw8bit",
  "prodigy",
  "lion",
  "adafactor",
  "adam",
  "adam8bit",
  "adagrad",
  "ademamix8bit",
  "lion8bit",
  "prodigy8bit",
  "automagic",
  "automagic2",
  "automagic3",
] as const;

/** Schedulers that ai-toolkit resolves (`toolkit/sampler.py`). The first five are the old server's list. */
export const NOISE_SCHEDULERS = [
  "ddpm",
  "ddim",
  "flowmatch",
  "euler",
  "euler_a",
  "pndm",
  "lms",
  "heun",
  "lcm",
  "dpmsolver",
  "dpmsolver++",
  "dpmsingle",
  "dpm_2",
  "dpm_2_a",
  "mean_flow",
] as const;

const Resolution = v.union([
  Count("", 64, 8192),
  v.pipe(v.array(Count("", 64, 8192)), v.minLength(1), v.maxLength(16)),
]);

export const createTrainingConfig = defineTool({
  name: "create_training_config",
  title: "Create a training config",
  description: `Create a new training configuration file for AI Toolkit LoRA training.

Supports multiple model types:
- Flux.1-dev/schnell (is_flux: true, noise_scheduler: flowmatch)
- SD 3.5 Large (is_v3: true, noise_scheduler: flowmatch)
- SDXL (is_xl: true)
- SD 1.5/2.1 (default)

Use list_model_presets to see recommended settings for each model type, and pass a preset's name for all others: image, editing, video and music models.`,
  scope: "train",
  effect: "write",
  input: v.object({
    name: Name("Configuration name (will be used for output folder and model name)"),
    preset: v.optional(
      Text(
        "Name of a preset from list_model_presets; decides all settings, also for another model_name",
        100,
      ),
    ),
    model_name: v.optional(
      lenient(
        Path(
          "Base model path (e.g., 'black-forest-labs/FLUX.1-dev', 'stable-diffusion-v1-5/stable-diffusion-v1-5')",
        ),
      ),
    ),
    dataset_path: Path(
      "Training dataset: a dataset name, or the path of its folder (must contain images and .txt caption files)",
    ),
    control_datasets: v.optional(
      v.pipe(
        v.array(Path("")),
        v.minLength(1),
        v.maxLength(3),
        v.description(
          "For editing models: data sets with the picture before the change, under the same file name, for each image of dataset_path; several if a change has several inputs",
        ),
      ),
    ),
    num_frames: v.optional(
      Count("For video models: how many frames of each clip are trained; default by model", 1, 1_000),
    ),
    resolution: v.optional(
      lenient(
        v.pipe(
          Resolution,
          v.description(
            "Training resolution in pixels - single value or array like [512, 768, 1024]; default by model: SD 1.5 512, SDXL and SD 3.5 1024, else [512, 768, 1024]",
          ),
        ),
      ),
    ),
    steps: v.optional(lenient(Count("Total training steps (500-4000 typical)", 1, 1_000_000)), 2000),
    batch_size: v.optional(lenient(Count("Batch size", 1, 1024)), 1),
    rank: v.optional(lenient(Count("LoRA rank (linear dimension); default by model, mostly 16", 1, 4096))),
    alpha: v.optional(
      lenient(
        Count("LoRA alpha (scaling); default 16, models based on transformers always take the rank", 1, 4096),
      ),
    ),
    lr: v.optional(lenient(Real("Learning rate; default by model, mostly 0.0001", 0, 100))),
    optimizer: v.optional(
      lenient(OneOf(OPTIMIZERS, "Optimizer to use; default by model: adamw8bit for Flux/SD3, else adamw")),
    ),
    noise_scheduler: v.optional(
      lenient(
        OneOf(NOISE_SCHEDULERS, "Noise scheduler; default by model: flowmatch for Flux/SD3, else ddpm"),
      ),
    ),
    trigger_word: v.optional(
      lenient(Text("Trigger word for the LoRA (added to captions if not present)", 200)),
    ),
    prompts: v.optional(
      lenient(
        v.pipe(
          v.array(Text("", 4000)),
          v.maxLength(64),
          v.description("Sample prompts for generating test images during training"),
        ),
      ),
    ),
    is_flux: v.optional(lenient(Flag("Is this a Flux model; default: guessed from model_name"))),
    is_xl: v.optional(lenient(Flag("Is this an SDXL model; default: guessed from model_name"))),
    is_v3: v.optional(lenient(Flag("Is this a SD 3.x model; default: guessed from model_name"))),
    quantize: v.optional(
      lenient(
        Flag("Enable 8-bit quantization (required for large models); default by model: on for Flux/SD3"),
      ),
    ),
    gradient_checkpointing: v.optional(lenient(Flag("Enable gradient checkpointing to save VRAM")), true),
    cache_latents: v.optional(lenient(Flag("Cache latents to disk (recommended)")), true),
    caption_dropout_rate: v.optional(lenient(Real("Caption dropout rate (0.0-1.0)", 0, 1)), 0.05),
    overwrite: v.optional(Flag("Replace an existing configuration of this name"), false),
  }),
  output: output({ config: v.string(), path: v.string(), status: Success, replaced: v.boolean() }),
});

export const listConfigs = defineTool({
  name: "list_configs",
  title: "List training configs",
  description: "List all training configurations available in the config directory.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
  input: v.object({ ...PAGE_INPUT }),
  output: output({ configs: v.array(v.string()), ...PAGE_OUTPUT }),
});

export const getConfig = defineTool({
  name: "get_config",
  title: "Read a training config",
  description: "Get a specific training configuration by name.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
  input: v.object({ name: Name("Configuration name") }),
  output: output({ config: Json, yaml: v.string(), path: v.string() }),
});

export const deleteConfig = defineTool({
  name: "delete_config",
  title: "Delete a training config",
  description: "Delete a training configuration file.",
  scope: "admin",
  effect: "destroy",
  input: v.object({ name: Name("Configuration name to delete") }),
  output: output({ deleted: v.string(), success: v.literal(true), trash_id: v.string() }),
});

export const validateConfig = defineTool({
  name: "validate_config",
  title: "Validate a training config",
  description: "Validate a training configuration before running.",
  scope: "read",
  effect: "read",
  input: v.object({ name: Name("Configuration name to validate") }),
  output: v.object({
    ...output({}).entries,
    errors: v.array(v.string()),
    valid: v.boolean(),
    warnings: v.array(v.string()),
  }),
});

export const updateConfig = defineTool({
  name: "update_config",
  title: "Change a training config",
  description:
    "Change single values of a configuration and keep everything else as it is, comments included. Nothing is written when the change would break it.",
  scope: "train",
  effect: "replace",
  input: v.object({
    name: Name("Configuration name"),
    set: v.optional(
      v.pipe(
        v.record(v.string(), v.unknown()),
        v.maxEntries(100),
        v.description(
          'Values by path, e.g. {"train.steps": 3000, "datasets.0.resolution": [512, 768]}; paths begin inside config.process[0], or with job, config or meta',
        ),
      ),
      {},
    ),
    remove: v.optional(
      v.pipe(v.array(v.string()), v.maxLength(100), v.description("Paths of keys to remove")),
      [],
    ),
  }),
  output: output({
    config: v.string(),
    path: v.string(),
    status: Success,
    changed: v.array(v.object({ path: v.string(), before: v.unknown(), after: v.unknown() })),
  }),
});

export const configTools = [
  createTrainingConfig,
  listConfigs,
  getConfig,
  deleteConfig,
  validateConfig,
  updateConfig,
] as const;
