// Every check of the table: passed by a config without fault, failed by one with just that fault.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Paths, pathsOf } from "../../paths.ts";
import type { Finding } from "./check.ts";
import { CHECKS, contextOf } from "./checks.ts";
import { parseConfig } from "./yaml.ts";

type Block = Record<string, unknown>;

let paths: Paths;
beforeAll(async () => {
  paths = pathsOf({ data: await mkdtemp(join(tmpdir(), "each-check-")) });
  await mkdir(join(paths.datasets, "cats"), { recursive: true });
  await mkdir(join(paths.datasets, "empty"));
  await writeFile(join(paths.datasets, "cats", "a.png"), "");
});
afterAll(() => rm(paths.root, { recursive: true }));

const process = (changes: Block = {}): Block => ({
  type: "diffusion_trainer",
  training_folder: paths.output,
  network: { type: "lora", linear: 16, linear_alpha: 16 },
  save: { save_every: 250 },
  datasets: [{ folder_path: "datasets/cats" }],
  train: { steps: 1000, lr: 1e-4, optimizer: "adamw8bit", noise_scheduler: "flowmatch" },
  model: { name_or_path: "black-forest-labs/FLUX.1-schnell", arch: "flux" },
  sample: { sampler: "flowmatch", sample_every: 250, prompts: ["a cat"] },
  ...changes,
});
const top = (changes?: Block, config: Block = {}): Block => ({
  job: "extension",
  config: { name: "x", process: [process(changes)], ...config },
});
const train = (changes: Block) => top({ train: { ...(process()["train"] as Block), ...changes } });
const sample = (changes: Block) => top({ sample: { ...(process()["sample"] as Block), ...changes } });

/** A config with these data sets. */
const data = (...datasets: Block[]) =>
  top({ datasets: datasets.map((each) => ({ folder_path: "datasets/cats", ...each })) });
const onModel = (changes: Block) => top({ model: { ...(process()["model"] as Block), ...changes } });

/** A config for another model, whose data set has these keys more. */
const edit = (model: Block, dataset: Block, sample: Block = { prompts: ["a cat"] }) =>
  top({
    model: { name_or_path: "x", ...model },
    datasets: [{ folder_path: "datasets/cats", ...dataset }],
    sample: { sampler: "flowmatch", ...sample },
  });

async function findingsOf(name: string, value: unknown): Promise<readonly Finding[]> {
  const check = CHECKS.find((each) => each.name === name);
  if (!check) throw new Error(`no check is called ${name}`);
  const text = JSON.stringify(value);
  return await check.run(await contextOf({ text, value: parseConfig(text, true).value }, paths, {}));
}

/** By check: a config that has this fault, what is said, and how it counts where that is not a plain warning. */
const FAULTS: Record<string, [fault: () => Block, text: RegExp, level?: "error" | "blocks" | "missing"][]> = {
  "top level": [[() => ({ ...top(), job: "extention" }), /Unknown job type "extention"/, "error"]],
  name: [
    [() => top({}, { name: "a[1]" }), /'config.name' cannot be used/, "error"],
    [() => top({}, { name: "conf" }), /beginning of config\.yaml/, "error"],
    [() => top({}, { name: "sample" }), /beginning of samples/, "error"],
  ],
  "process types": [[() => top({ type: "difusion_trainer" }), /did you mean 'diffusion_trainer'/]],
  datasets: [[() => top({ datasets: [{}] }), /missing 'folder_path'/, "error"]],
  model: [[() => top({ model: {} }), /Missing 'model.name_or_path'/, "error"]],
  "training folder": [[() => top({ training_folder: "output" }), /is relative/]],
  "places to write": [
    [() => top({ training_folder: "/elsewhere" }), /is outside the folders that runs/, "error"],
  ],
  "places to read": [[() => top({ datasets: [{ folder_path: "/etc" }] }), /\/etc is outside/, "error"]],
  "dataset folders": [
    [() => top({ datasets: [{ folder_path: "datasets/empty" }] }), /has no images/, "error"],
    [() => top({ datasets: [{ folder_path: "datasets/none" }] }), /does not exist/, "missing"],
  ],
  network: [[() => top({ network: undefined }), /There is no 'network' block/]],
  "learning rate": [[() => train({ lr: undefined }), /There is no 'train.lr'.* 1e-6/]],
  arch: [
    [
      () => top({ model: { name_or_path: "x", arch: "fluxx" } }),
      /Unknown model.arch 'fluxx' \(did you mean 'flux'/,
    ],
  ],
  optimizer: [[() => train({ optimizer: "adamw9bit" }), /did you mean 'adamw8bit'/, "error"]],
  words: [
    [() => train({ noise_scheduler: "flowmach" }), /Unknown train.noise_scheduler .*'flowmatch'/, "error"],
    [() => sample({ sampler: "eulr" }), /Unknown sample.sampler .*'euler'/, "error"],
    [() => train({ lr_scheduler: "cosin" }), /Unknown train.lr_scheduler .*'cosine'/, "error"],
    [() => train({ timestep_type: "sigmiod" }), /Unknown train.timestep_type .*'sigmoid'/, "error"],
    [() => train({ content_or_style: "both" }), /Unknown train.content_or_style 'both'/, "error"],
    [() => train({ dtype: "bf32" }), /Unknown train.dtype 'bf32'/, "error"],
    [
      () => top({ save: { save_every: 250, dtype: "float8_e4m3fn" } }),
      /Unknown save.dtype 'float8_e4m3fn'/,
      "error",
    ],
    [
      () => top({ save: { save_every: 250, save_format: "ckpt" } }),
      /Unknown save.save_format 'ckpt'/,
      "error",
    ],
    [() => sample({ format: "jpgg" }), /Unknown sample.format .*'jpg'/, "error"],
  ],
  "network type": [[() => top({ network: { type: "lorra", linear: 4 } }), /a plain LoRA is trained instead/]],
  "loss type": [
    [() => train({ loss_type: "huber" }), /Unknown train.loss_type 'huber'.* mean squared error/],
  ],
  quantization: [
    [
      () => onModel({ quantize: true, qtype: "qfloat16" }),
      /Unknown model.qtype 'qfloat16' \(did you mean 'qfloat8'/,
    ],
    [
      () => onModel({ quantize: true, qtype: "uint3|ostris/x.safetensors", qtype_te: "fp8" }),
      /Unknown model.qtype_te 'fp8'/,
    ],
  ],
  numbers: [
    [() => train({ steps: "2000" }), /train.steps is a text/, "error"],
    [() => train({ lr: "1e-4" }), /train.lr is a text/, "error"],
    [
      () => top({ datasets: [{ folder_path: "datasets/cats", resolution: [512, "768"] }] }),
      /datasets.0.resolution is a text/,
      "error",
    ],
  ],
  "gradient accumulation": [
    [
      () => train({ gradient_accumulation: 2, gradient_accumulation_steps: 4 }),
      /only one may be used/,
      "error",
    ],
  ],
  "text encoder": [
    [
      () => train({ unload_text_encoder: true, train_text_encoder: true }),
      /train_text_encoder does not go together with unload_text_encoder/,
      "error",
    ],
    [
      () => train({ cache_text_embeddings: true, train_text_encoder: true }),
      /train_text_encoder does not go together with cache_text_embeddings/,
      "error",
    ],
    [
      () =>
        top({
          train: { lr: 1e-4, unload_text_encoder: true },
          model: { name_or_path: "x", arch: "qwen_image_edit" },
        }),
      /'qwen_image_edit' needs its text encoder/,
      "error",
    ],
    [
      () => data({ cache_text_embeddings: true }, {}),
      /cache_text_embeddings is on for some data sets and not for others/,
      "error",
    ],
  ],
  preservation: [
    [
      () => ({
        ...top({
          trigger_word: "p3t",
          train: { lr: 1, diff_output_preservation: true, blank_prompt_preservation: true },
        }),
      }),
      /do not go together/,
      "error",
    ],
    [() => train({ diff_output_preservation: true }), /needs a trigger_word/, "error"],
    [
      () => top({ network: undefined, train: { lr: 1, blank_prompt_preservation: true } }),
      /blank_prompt_preservation needs a 'network' block/,
      "error",
    ],
    [
      () =>
        top({
          trigger_word: "p3t",
          train: { lr: 1, diff_output_preservation: true, train_text_encoder: true },
        }),
      /does not go together with train_text_encoder/,
      "error",
    ],
  ],
  "model keys": [
    [
      () => onModel({ assistant_lora_path: "ostris/x", qtype: "uint3|ostris/ara" }),
      /does not go together with an accuracy recovery adapter/,
      "error",
    ],
    [() => onModel({ attn_masking: true }), /only where the model block says is_flux: true/, "error"],
    [
      () => top({ decorator: { num_tokens: 4 }, model: { name_or_path: "x", arch: "sdxl" } }),
      /A decorator can be trained for FLUX.1 only/,
      "error",
    ],
    [
      () => train({ bypass_guidance_embedding: true, do_guidance_loss: true }),
      /do_guidance_loss does not go together with train.bypass_guidance_embedding/,
      "error",
    ],
    [() => top({ network: { type: "lorm" } }), /needs a block network.lorm/, "error"],
  ],
  "dataset keys": [
    [() => data({}, { buckets: false }), /Buckets are on for some data sets and off for others/, "error"],
    [() => data({ type: "video" }), /Dataset 0: type 'video' is unknown/, "error"],
    [() => data({ poi: "face" }), /'poi' is not supported any more/, "error"],
    [() => data({ controls: null }), /'controls' is empty, which ends the run/, "error"],
    [() => data({ buckets: false, batch_size: 2 }), /a batch_size of its own needs buckets/, "error"],
    [() => data({ buckets: false, num_frames: 41 }), /videos need buckets/, "error"],
    [
      () => data({ num_frames: 41, augmentations: [{ method: "x" }] }),
      /'augmentations' cannot be used on videos/,
      "error",
    ],
  ],
  logging: [[() => top({ logging: { use_wandb: true } }), /use_wandb is turned off for runs of this server/]],
  "merged saves": [[() => train({ merge_network_on_save: true }), /each save is the whole model/]],
  alpha: [
    [
      () => top({ network: { type: "lora", linear: 16 }, model: { name_or_path: "x", is_xl: true } }),
      /default is 1, which at rank 16/,
    ],
  ],
  flowmatch: [
    [() => train({ noise_scheduler: undefined }), /not the default, 'ddpm'/],
    [() => train({ noise_scheduler: "ddpm" }), /not 'ddpm'/],
  ],
  "moved model": [
    [() => top({ model: { name_or_path: "runwayml/stable-diffusion-v1-5" } }), /no longer exists/],
  ],
  "gated model": [
    [
      () => top({ model: { name_or_path: "black-forest-labs/FLUX.1-dev", arch: "flux" } }),
      /is gated/,
      "blocks",
    ],
  ],
  saves: [
    [() => top({ save: { save_every: 1000 } }), /Nothing is saved before the end/],
    [
      () => top({ save: { save_every: 250, max_step_saves_to_keep: 0 } }),
      /keeps every checkpoint, 3 of them/,
    ],
  ],
  "push to hub": [
    [() => top({ save: { save_every: 250, push_to_hub: true } }), /needs save.hf_repo_id/, "blocks"],
    [
      () => top({ save: { save_every: 250, push_to_hub: true, hf_repo_id: "me/cats" } }),
      /needs HF_TOKEN/,
      "blocks",
    ],
  ],
  samples: [
    [() => sample({ prompts: [] }), /There is no sample prompt/],
    [() => sample({ prompts: Array(40).fill("a cat") }), /40 sample prompts in 5 rounds are 200 pictures/],
    [() => sample({ sample_every: 2 }), /stops 501 times/],
    [() => sample({ width: 1000, height: 4096 }), /Samples of 1000×4096 pixels/],
  ],
  "control folders": [
    [
      () => edit({ arch: "qwen_image_edit_plus" }, { control_path_1: undefined }),
      /no control images.*end at once/,
      "error",
    ],
    [() => edit({ arch: "flux_kontext" }, { control_path: "" }), /no control images/],
    [() => edit({ arch: "krea2", model_kwargs: { edit: true } }, {}), /no control images/],
  ],
  "sample controls": [
    [
      () => edit({ arch: "flux_kontext" }, {}, { prompts: ["a --ctrl_img x.png", "b"] }),
      /Prompt 1 has no control/,
      "error",
    ],
    [
      () => edit({ arch: "wan21_i2v:14b" }, {}, { samples: [{ prompt: "a", ctrl_img_1: "x" }] }),
      /Prompt 0/,
      "error",
    ],
    [() => edit({ arch: "boogu_image_edit" }, {}, { samples: [{ prompt: "a" }] }), /Prompt 0/, "error"],
  ],
  "environment variables": [[() => sample({ prompts: ["a $" + "{HOME}"] }), /contains \$\{HOME\}/, "error"]],
  "sample shape": [[() => sample({ prompts: "a cat" }), /every letter would become a prompt/, "error"]],
  "prompt flags": [
    [() => sample({ prompts: ["a cat -- asleep"] }), /everything after --/],
    [() => sample({ prompts: ["a cat --w wide"] }), /--w needs a whole number/, "error"],
  ],
  "sample texts": [
    [() => sample({ prompts: ["a cat", 2024] }), /'sample.prompts\[1\]' is not a text/, "error"],
    [() => sample({ neg: 5 }), /'sample.neg' is not a text/, "error"],
    [() => sample({ samples: [{ prompt: "a", neg: true }] }), /'sample.samples\[0\].neg' is not/, "error"],
  ],
  "unknown keys": [
    [() => train({ lerning_rate: 1 }), /Unknown key 'train.lerning_rate' is ignored/],
    [() => top({}, { name: "x", train: { steps: 5 } }), /Unknown key 'config.train' is ignored/],
    [() => ({ ...top(), sample: {} }), /Unknown key 'sample' outside 'config' is ignored/],
  ],
};

test("every check has its case here", () => {
  expect(Object.keys(FAULTS).sort()).toEqual(CHECKS.map(({ name }) => name).sort());
});

describe.each(Object.entries(FAULTS))("%s", (name, faults) => {
  test("is passed by a config without fault", async () => {
    expect(await findingsOf(name, top())).toEqual([]);
  });

  test.each(faults)("is failed, with one line and one fix (%#)", async (fault, text, level) => {
    const [finding, ...more] = await findingsOf(name, fault());
    expect(more).toEqual([]);
    expect(finding?.text).toMatch(text);
    expect(finding?.text).not.toContain("\n");
    expect(finding?.fix).not.toBe("");
    expect(finding?.level).toBe(level === "error" ? "error" : "warning");
    expect(finding?.atStart).toBe(level === "blocks" ? "blocks" : level === "missing" ? "error" : undefined);
  });
});

test("what is right for one model is no fault of another", async () => {
  const uNet = top({
    network: { type: "lora", linear: 16, alpha: 8 },
    model: { name_or_path: "x", arch: "sdxl" },
    train: { steps: 1000, lr: 1e-4, timestep_type: "whatever" },
  });
  for (const name of ["alpha", "flowmatch", "words"]) expect(await findingsOf(name, uNet), name).toEqual([]);
  const qwen = top({ model: { name_or_path: "Qwen/Qwen-Image", arch: "qwen_image" }, train: { lr: 1e-4 } });
  expect(await findingsOf("flowmatch", qwen)).toEqual([]);
});

test("an edit model with its control images has nothing to be told", async () => {
  const plus = edit(
    { arch: "qwen_image_edit_plus" },
    { control_path_1: "datasets/a" },
    { samples: [{ prompt: "a", ctrl_img_2: "x.png" }] },
  );
  const kontext = edit(
    { arch: "flux_kontext" },
    { control_path: ["datasets/a"] },
    { prompts: ["a --ctrl_img x.png"] },
  );
  const randomly = edit({ arch: "mageflow_edit" }, { control_from_same_folder: true });
  for (const value of [plus, kontext, randomly])
    for (const name of ["control folders", "sample controls"])
      expect(await findingsOf(name, value)).toEqual([]);
});

test("what goes together is not told apart", async () => {
  const flux = { ...(process()["model"] as Block), is_flux: true, attn_masking: true };
  const fine = top({
    trigger_word: "p3t",
    model: flux,
    decorator: { num_tokens: 4 },
    train: {
      steps: 1000,
      lr: 1e-4,
      noise_scheduler: "flowmatch",
      diff_output_preservation: true,
      cache_text_embeddings: true,
      gradient_accumulation: 2,
      gradient_accumulation_steps: 1,
    },
    datasets: [
      { folder_path: "datasets/cats", cache_text_embeddings: true },
      { folder_path: "datasets/cats", is_reg: true, buckets: false },
    ],
  });
  for (const name of ["model keys", "preservation", "text encoder", "gradient accumulation", "dataset keys"])
    expect(await findingsOf(name, fine), name).toEqual([]);
});

test("a variable that an escape hides in the file is found where the run would meet it", async () => {
  const text = 'job: "$\\x7bHF_TOKEN}"';
  const value = parseConfig(text, false).value;
  expect(value).toEqual({ job: "$" + "{HF_TOKEN}" });
  const check = CHECKS.find(({ name }) => name === "environment variables");
  const found = await check?.run(await contextOf({ text, value }, paths, {}));
  expect(found).toMatchObject([{ level: "error", text: expect.stringContaining("HF_TOKEN") }]);
});

test("with a name and a token a push to the hub is only pointed out", async () => {
  const value = top({ save: { save_every: 250, push_to_hub: true, hf_repo_id: "me/cats" } });
  const check = CHECKS.find(({ name }) => name === "push to hub");
  const found = await check?.run(await contextOf({ text: "", value }, paths, { HF_TOKEN: "hf_x" }));
  expect(found).toMatchObject([{ level: "warning", text: expect.stringContaining("as me/cats") }]);
  expect(found?.[0]).not.toHaveProperty("atStart");
});

test("of what is not quantized nobody asks how", async () => {
  expect(await findingsOf("quantization", onModel({ quantize: false, qtype: "whatever" }))).toEqual([]);
});

test("without samples nothing is said of them", async () => {
  const value = top({ train: { steps: 1000, disable_sampling: true }, sample: {} });
  expect(await findingsOf("samples", value)).toEqual([]);
});
