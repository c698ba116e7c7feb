// The keys of a process block that the rehearsal heeds, with ai-toolkit's own defaults (ai-toolkit.md §2.4).
// Like the original it does not mind keys it does not know.
import * as v from "valibot";
import type { Block } from "./config.ts";
import { OWN_SCHEDULER_ARCHS } from "./models.ts";
import { PythonError } from "./python.ts";

const text = <const Default extends string | null>(fallback: Default) => v.nullish(v.string(), fallback);
const amount = (fallback: number) => v.nullish(v.number(), fallback);
/** Python's truth: anything goes. */
const truth = v.pipe(v.optional(v.unknown(), false), v.transform(Boolean));
/** null means something of its own for these: never, or always. */
const interval = (fallback: number) => v.optional(v.nullable(v.number()), fallback);

const Dataset = v.object({
  folder_path: text(null),
  dataset_path: text(null),
  caption_ext: text(".txt"),
  default_caption: text(null),
  resolution: v.nullish(v.union([v.number(), v.array(v.number())]), 512),
  num_repeats: amount(1),
  num_frames: amount(1),
  auto_frame_count: truth,
  cache_latents: truth,
  cache_latents_to_disk: truth,
  num_workers: amount(2),
});

const Network = v.object({
  linear: v.nullish(v.number()),
  rank: v.nullish(v.number()),
  alpha: amount(1),
  linear_alpha: v.nullish(v.number()),
});

/** A block that is left out, or empty, has all its defaults. */
const block = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  v.pipe(
    v.optional(v.unknown(), {}),
    v.transform((value) => value ?? {}),
    v.object(entries),
  );

const Process = v.object({
  type: v.string(),
  name: text(null),
  training_folder: text(null),
  trigger_word: text(null),
  performance_log_every: amount(0),
  sqlite_db_path: text("./aitk_db.db"),
  training_seed: amount(0),
  network: v.nullish(Network),
  datasets: v.nullish(v.array(Dataset)),
  save: block({
    save_every: interval(1000),
    dtype: text("float16"),
    max_step_saves_to_keep: amount(5),
    save_format: text("safetensors"),
  }),
  logging: block({
    log_every: interval(100),
    use_ui_logger: truth,
    use_wandb: truth,
  }),
  train: block({
    steps: amount(1000),
    lr: amount(1e-6),
    batch_size: amount(1),
    optimizer: text("adamw"),
    noise_scheduler: text("ddpm"),
    gradient_accumulation: amount(1),
    gradient_accumulation_steps: amount(1),
    skip_first_sample: truth,
    force_first_sample: truth,
    disable_sampling: truth,
    start_step: v.nullish(v.number()),
  }),
  model: block({
    name_or_path: text(null),
    arch: text(null),
    quantize: truth,
    quantize_te: v.optional(v.nullable(v.boolean())),
    is_flux: truth,
    is_xl: truth,
    is_v2: truth,
    is_v3: truth,
    is_pixart: truth,
    is_pixart_sigma: truth,
    is_auraflow: truth,
    is_lumina2: truth,
    is_ssd: truth,
    is_vega: truth,
  }),
  sample: block({
    sampler: text("ddpm"),
    sample_every: interval(100),
    sample_start_step: amount(0),
    width: amount(512),
    height: amount(512),
    seed: amount(0),
    walk_seed: truth,
    neg: v.optional(v.unknown(), false),
    format: text("jpg"),
    num_frames: amount(1),
    // A plain string is taken for a list of its characters, as Python does.
    prompts: v.nullish(
      v.union([
        v.array(v.string()),
        v.pipe(
          v.string(),
          v.transform((letters) => Array.from(letters)),
        ),
      ]),
      [],
    ),
    samples: v.nullish(v.array(v.unknown())),
  }),
});

export type Settings = v.InferOutput<typeof Process>;
export type DatasetSettings = v.InferOutput<typeof Dataset>;

const OPTIMIZER =
  /^(adam|adamw|adagrad|adafactor|lion|adam8|adamw8|adam8bit|adamw8bit|ademamix8bit|lion8bit|prodigy.*|dadaptation.*|automagic[23]?|automagicexperiment)$/;
const SAMPLERS = new Set(
  "ddim ddpm pndm lms k_lms euler k_euler euler_a dpmsolver dpmsolver++ k_dpmsolver k_dpmsolver++ dpmsingle heun dpm_2 dpm_2_a lcm custom_lcm mean_flow flowmatch".split(
    " ",
  ),
);

/** Checks what the real one checks while it builds the process; the rest fails later, or never. */
export function readSettings(process: Block): Settings {
  const parsed = v.safeParse(Process, process);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new PythonError("TypeError", `${v.getDotPath(issue) ?? "process"}: ${issue.message}`);
  }
  const { train, save, model, sample } = parsed.output;
  if (train.gradient_accumulation !== 1 && train.gradient_accumulation_steps !== 1) {
    throw new PythonError(
      "ValueError",
      "gradient_accumulation and gradient_accumulation_steps are mutually exclusive",
    );
  }
  if (save.save_format !== "safetensors" && save.save_format !== "diffusers") {
    throw new PythonError(
      "ValueError",
      `save_format must be safetensors or diffusers, got ${save.save_format}`,
    );
  }
  for (const item of sample.samples ?? []) {
    if (typeof item !== "object" || item === null) {
      throw new PythonError(
        "TypeError",
        `toolkit.config_modules.SampleItem() argument after ** must be a mapping, not ${typeof item === "string" ? "str" : typeof item}`,
      );
    }
  }
  if (model.name_or_path === null) throw new PythonError("ValueError", "name_or_path must be specified");
  return parsed.output;
}

export function checkOptimizer(optimizer: string): void {
  if (OPTIMIZER.test(optimizer.toLowerCase())) return;
  throw new PythonError("ValueError", `Unknown optimizer type ${optimizer}`);
}

/** Models that bring their own scheduler never look at these names. */
export function checkSampler(sampler: string, arch: string): void {
  if (SAMPLERS.has(sampler) || OWN_SCHEDULER_ARCHS.has(arch)) return;
  throw new PythonError("ValueError", `Sampler ${sampler} not supported`);
}
