// What ai-toolkit refuses though each key by itself is right: it says so only when its packages, or the base model, are
// loaded. From ostris/ai-toolkit@27a03a9 (0.12.26): toolkit/config_modules.py, SDTrainer.py, toolkit/data_loader.py.
import {
  asList,
  asObject,
  asText,
  type Check,
  error,
  type Finding,
  isObject,
  type JsonObject,
  type Process,
  warning,
} from "./check.ts";
import { archOf } from "./model-arch.ts";

interface Parts {
  readonly at: string;
  readonly block: JsonObject;
  readonly train: JsonObject;
  readonly model: JsonObject;
  readonly network: JsonObject;
  readonly datasets: readonly JsonObject[];
}

const partsOf = ({ at, block }: Process): Parts => ({
  at,
  block,
  train: asObject(block.train),
  model: asObject(block.model),
  network: asObject(block.network),
  datasets: asList(block.datasets).map(asObject),
});

/** A key that is there and means yes, as Python takes it. */
const isOn = (value: unknown) => Boolean(value);

/** The control images are a part of their text embeddings. */
const KEEP_TEXT_ENCODER: readonly string[] = ["qwen_image_edit", "boogu_image_edit"];

function textEncoder({ at, train, model, datasets }: Parts): (Finding | false)[] {
  const caches =
    isOn(train.cache_text_embeddings) || datasets.some((each) => isOn(each.cache_text_embeddings));
  const unloads = isOn(train.unload_text_encoder);
  const arch = archOf(model);
  return [
    (unloads || caches) &&
      isOn(train.train_text_encoder) &&
      error(
        `${at}train.train_text_encoder does not go together with ${unloads ? "unload_text_encoder" : "cache_text_embeddings"}, which takes the text encoder out of memory`,
        "Write train.train_text_encoder: false",
      ),
    unloads &&
      KEEP_TEXT_ENCODER.includes(arch) &&
      error(
        `${at}train.unload_text_encoder: '${arch}' needs its text encoder for the control images`,
        "Write train.unload_text_encoder: false; train.cache_text_embeddings: true saves the same memory",
      ),
    !isOn(train.cache_text_embeddings) &&
      caches &&
      !datasets.every((each) => isOn(each.cache_text_embeddings)) &&
      error(
        `${at}cache_text_embeddings is on for some data sets and not for others`,
        "Write train.cache_text_embeddings: true, which means all of them",
      ),
  ];
}

function preservation({ at, block, train, datasets }: Parts): (Finding | false)[] {
  const [byClass, byBlank] = [isOn(train.diff_output_preservation), isOn(train.blank_prompt_preservation)];
  const key = byClass ? "diff_output_preservation" : "blank_prompt_preservation";
  const hasTrigger = [block, ...datasets].some((each) => isOn(asText(each.trigger_word)));
  return [
    byClass &&
      byBlank &&
      error(
        `${at}train.diff_output_preservation and train.blank_prompt_preservation do not go together`,
        "Turn one of them off",
      ),
    (byClass || byBlank) &&
      !isOn(block.network) &&
      error(
        `${at}train.${key} needs a 'network' block: it compares with the model without it`,
        "Add network: {type: lora, linear: 16, linear_alpha: 16}",
      ),
    byClass &&
      !hasTrigger &&
      error(`${at}train.diff_output_preservation needs a trigger_word`, "Add trigger_word, or turn it off"),
    byClass &&
      isOn(train.train_text_encoder) &&
      error(
        `${at}train.diff_output_preservation does not go together with train_text_encoder`,
        "Write train.train_text_encoder: false",
      ),
  ];
}

function model({ at, block, train, model: keys, network }: Parts): (Finding | false)[] {
  const isFlux = ["flux", "flex1"].includes(archOf(keys));
  const recovers = isOn(keys.accuracy_recovery_adapter) || (asText(keys.qtype) ?? "").includes("|");
  const onlyFlux = ["attn_masking", "split_model_over_gpus"].find((key) => isOn(keys[key]));
  return [
    recovers &&
      isOn(keys.assistant_lora_path) &&
      error(
        `${at}model.assistant_lora_path does not go together with an accuracy recovery adapter (the part of qtype behind |)`,
        "Write a plain qtype, e.g. qfloat8, or remove assistant_lora_path",
      ),
    // It looks at this flag before it has read `arch`.
    onlyFlux !== undefined &&
      keys.is_flux !== true &&
      error(
        `${at}model.${onlyFlux} is known for FLUX.1 only, and only where the model block says is_flux: true`,
        isFlux ? "Add model.is_flux: true" : `Remove model.${onlyFlux}`,
      ),
    isOn(block.decorator) &&
      !isFlux &&
      error(`${at}A decorator can be trained for FLUX.1 only`, "Remove the decorator block"),
    (isOn(train.bypass_guidance_embedding) || (isFlux && isOn(keys.use_flux_cfg))) &&
      isOn(train.do_guidance_loss) &&
      error(
        `${at}train.do_guidance_loss does not go together with ${isOn(keys.use_flux_cfg) ? "model.use_flux_cfg" : "train.bypass_guidance_embedding"}`,
        "Turn one of them off",
      ),
    network.type === "lorm" &&
      !isObject(network.lorm) &&
      error(
        `${at}network.type 'lorm' needs a block network.lorm`,
        "Write network.type: lora, or add the block",
      ),
  ];
}

function accumulation({ at, train }: Parts): (Finding | false)[] {
  const { gradient_accumulation: one, gradient_accumulation_steps: other } = train;
  return [
    typeof one === "number" &&
      one > 1 &&
      other !== undefined &&
      other !== 1 &&
      error(
        `${at}train.gradient_accumulation and train.gradient_accumulation_steps are two ways to do the same, and only one may be used`,
        "Remove gradient_accumulation_steps",
      ),
  ];
}

const bucketsOf = (dataset: JsonObject) => dataset.buckets === undefined || isOn(dataset.buckets);

function entries({ at, datasets }: Parts): (Finding | false)[] {
  const mixed = [true, false].some((isReg) => {
    const group = datasets.filter((each) => isOn(each.is_reg) === isReg);
    return group.some(bucketsOf) && !group.every(bucketsOf);
  });
  return [
    mixed &&
      error(`${at}Buckets are on for some data sets and off for others`, "Remove 'buckets' from all of them"),
    ...datasets.flatMap((dataset, index) => {
      const label = `${at}Dataset ${index}`;
      const hasBuckets = bucketsOf(dataset);
      const { num_frames: frames } = dataset;
      const isVideo = isOn(dataset.auto_frame_count) || (typeof frames === "number" && frames > 1);
      const augmented = ["augments", "augmentations"].find((key) => asList(dataset[key]).length > 0);
      return [
        dataset.type !== undefined &&
          dataset.type !== "image" &&
          error(
            `${label}: type '${String(dataset.type)}' is unknown; videos and sounds are of type 'image', too`,
            "Remove the key",
          ),
        dataset.poi !== undefined &&
          dataset.poi !== null &&
          error(`${label}: 'poi' is not supported any more`, "Remove the key"),
        dataset.controls === null &&
          error(`${label}: 'controls' is empty, which ends the run`, "Write controls: [], or remove the key"),
        !hasBuckets &&
          isOn(dataset.batch_size) &&
          error(
            `${label}: a batch_size of its own needs buckets`,
            "Remove 'buckets', or use train.batch_size",
          ),
        !hasBuckets && isVideo && error(`${label}: videos need buckets`, "Remove 'buckets'"),
        isVideo &&
          augmented !== undefined &&
          error(`${label}: '${augmented}' cannot be used on videos`, "Remove the key"),
      ];
    }),
  ];
}

/** Keys whose text would be met by Python's arithmetic, by block. */
const NUMBERS: Readonly<Record<string, readonly string[]>> = {
  train: ["steps", "lr", "batch_size", "gradient_accumulation", "gradient_accumulation_steps"],
  save: ["save_every", "max_step_saves_to_keep"],
  sample: ["sample_every", "sample_steps", "guidance_scale", "width", "height", "seed"],
  network: ["linear", "linear_alpha", "rank", "alpha", "conv", "conv_alpha"],
};

function numbers({ at, block }: Parts): Finding[] {
  const wrong = Object.entries(NUMBERS).flatMap(([name, keys]) => {
    const values = asObject(block[name]);
    return keys.filter((key) => typeof values[key] === "string").map((key) => `${name}.${key}`);
  });
  asList(block.datasets).forEach((dataset, index) => {
    const { resolution } = asObject(dataset);
    if ([resolution].flat().some((side) => typeof side === "string"))
      wrong.push(`datasets.${index}.resolution`);
  });
  return wrong.map((path) =>
    error(`${at}${path} is a text, and the trainer calculates with it`, "Write the number without quotes"),
  );
}

const eachPart = (name: string, run: (parts: Parts) => readonly (Finding | false)[]): Check => ({
  name,
  run: ({ trainers }) =>
    trainers.flatMap((process) => run(partsOf(process))).filter((each) => each !== false),
});

export const CONFLICT_CHECKS: readonly Check[] = [
  eachPart("numbers", numbers),
  eachPart("gradient accumulation", accumulation),
  eachPart("text encoder", textEncoder),
  eachPart("preservation", preservation),
  eachPart("model keys", model),
  eachPart("dataset keys", entries),
  eachPart("logging", ({ at, block }) => [
    isOn(asObject(block.logging).use_wandb) &&
      warning(
        `${at}logging.use_wandb is turned off for runs of this server: ai-toolkit writes its curves to W&B or to the run's folder, not to both, and get_training_metrics reads the folder`,
        "Remove the key",
      ),
  ]),
  eachPart("merged saves", ({ at, block, train }) => [
    isOn(train.merge_network_on_save) &&
      isOn(block.network) &&
      warning(
        `${at}train.merge_network_on_save: each save is the whole model with the LoRA in it, not a LoRA`,
        "Remove the key unless that is meant",
      ),
  ]),
];
