import * as v from "valibot";
import { expect, test } from "vitest";
import { presetFor } from "../../../shared/preset-choice.ts";
import { createTrainingConfig } from "../../../shared/tools/configs.ts";
import { type TrainingFolders, trainingConfig } from "./training-config.ts";

type Given = Partial<v.InferInput<(typeof createTrainingConfig)["input"]>>;

const folders = { dataset: "/ai-toolkit/datasets/cats", output: "/ai-toolkit/output" };

function make(given: Given = {}, more: Partial<TrainingFolders> = {}) {
  const input = v.parse(createTrainingConfig.input, { name: "cats_v1", dataset_path: "cats", ...given });
  const { config, warnings } = trainingConfig(input, presetFor(input), { ...folders, ...more });
  const process = (config as { config: { process: [Record<string, Record<string, unknown>>] } }).config
    .process[0];
  return { config, warnings, process };
}

test("the smallest call makes the old server's config in today's form", () => {
  expect(make().config).toEqual({
    job: "extension",
    config: {
      name: "cats_v1",
      process: [
        {
          type: "diffusion_trainer",
          training_folder: "/ai-toolkit/output",
          device: "cuda:0",
          performance_log_every: 10,
          network: { type: "lora", linear: 16, linear_alpha: 16, transformer_only: true },
          save: { dtype: "float16", save_every: 250, max_step_saves_to_keep: 4, push_to_hub: false },
          datasets: [
            {
              folder_path: "/ai-toolkit/datasets/cats",
              caption_ext: "txt",
              caption_dropout_rate: 0.05,
              shuffle_tokens: false,
              cache_latents_to_disk: true,
              resolution: 512,
              is_reg: false,
            },
          ],
          train: {
            batch_size: 1,
            steps: 2000,
            gradient_accumulation_steps: 1,
            train_unet: true,
            train_text_encoder: false,
            gradient_checkpointing: true,
            noise_scheduler: "ddpm",
            optimizer: "adamw",
            lr: 0.0001,
            skip_first_sample: false,
            disable_sampling: false,
            linear_timesteps: false,
            dtype: "fp16",
            ema_config: { use_ema: true, ema_decay: 0.99 },
          },
          model: {
            name_or_path: "stable-diffusion-v1-5/stable-diffusion-v1-5",
            arch: "sd15",
            quantize: false,
            quantize_te: false,
            low_vram: false,
          },
          sample: {
            sampler: "ddpm",
            sample_every: 250,
            width: 512,
            height: 512,
            prompts: [
              "a woman holding a coffee cup, in a beanie, sitting at a cafe",
              "a man showing off his cool new t-shirt at the beach",
            ],
            neg: "",
            seed: 42,
            walk_seed: true,
            guidance_scale: 6,
            sample_steps: 20,
          },
          logging: { log_every: 1, verbose: false, use_wandb: false, use_ui_logger: true },
        },
      ],
    },
    meta: { name: "[name]", version: "1.0" },
  });
});

test("D1: runs go to one absolute folder", () => {
  expect(make().process.training_folder).toBe("/ai-toolkit/output");
});

test("D25: losses and speed are recorded", () => {
  const { process } = make();
  expect(process.logging).toMatchObject({ use_ui_logger: true, log_every: 1 });
  expect(process.performance_log_every).toBeGreaterThan(0);
});

test.each([
  ["black-forest-labs/FLUX.1-dev", "flux", "flowmatch", "adamw8bit", true, "bf16", [512, 768, 1024], 1024, 4],
  ["stabilityai/stable-diffusion-3.5-large", "sd3", "flowmatch", "adamw8bit", true, "bf16", 1024, 1024, 4],
  ["stabilityai/stable-diffusion-xl-base-1.0", "sdxl", "ddpm", "adamw", false, "bf16", 1024, 1024, 6],
  ["stable-diffusion-v1-5/stable-diffusion-v1-5", "sd15", "ddpm", "adamw", false, "fp16", 512, 512, 6],
])(
  "D21: what is left out is right for %s",
  (model_name, arch, scheduler, optimizer, quantize, dtype, resolution, size, guidance) => {
    const { process, warnings } = make({ model_name });
    expect(process.model).toMatchObject({ name_or_path: model_name, arch, quantize, quantize_te: quantize });
    expect(process.train).toMatchObject({ noise_scheduler: scheduler, optimizer, dtype });
    expect(process.datasets).toMatchObject([{ resolution }]);
    expect(process.sample).toMatchObject({
      sampler: scheduler,
      width: size,
      height: size,
      guidance_scale: guidance,
    });
    expect(warnings).toEqual([]);
  },
);

test("D23: schnell has its training adapter and is sampled in 4 steps without guidance", () => {
  const { process } = make({ model_name: "black-forest-labs/FLUX.1-schnell" });
  expect(process.model).toMatchObject({ assistant_lora_path: "ostris/FLUX.1-schnell-training-adapter" });
  expect(process.sample).toMatchObject({ guidance_scale: 1, sample_steps: 4 });
});

test("what the caller says is what is written", () => {
  const { process, warnings } = make({
    model_name: "stabilityai/stable-diffusion-xl-base-1.0",
    resolution: [512, 768],
    steps: 100,
    batch_size: 2,
    rank: 32,
    alpha: 8,
    lr: 5e-5,
    optimizer: "adafactor",
    noise_scheduler: "ddim",
    trigger_word: "p3t",
    prompts: ["[trigger] in a garden"],
    quantize: true,
    gradient_checkpointing: false,
    cache_latents: false,
    caption_dropout_rate: 0,
  });
  expect(process.trigger_word).toBe("p3t");
  expect(process.network).toMatchObject({ linear: 32, linear_alpha: 8 });
  expect(process.train).toMatchObject({
    steps: 100,
    batch_size: 2,
    lr: 5e-5,
    optimizer: "adafactor",
    noise_scheduler: "ddim",
    gradient_checkpointing: false,
  });
  expect(process.datasets).toMatchObject([
    { resolution: [512, 768], cache_latents_to_disk: false, caption_dropout_rate: 0 },
  ]);
  expect(process.model).toMatchObject({ quantize: true, quantize_te: true });
  expect(process.sample).toMatchObject({ width: 768, prompts: ["[trigger] in a garden"], sampler: "ddim" });
  expect(warnings).toEqual([]);
});

test("saying what the preset says anyway keeps its text encoder settings", () => {
  expect(make({ model_name: "OmniGen2/OmniGen2", quantize: false }).process.model).toMatchObject({
    quantize: false,
    quantize_te: true,
  });
  expect(make({ model_name: "OmniGen2/OmniGen2", quantize: true }).process.model).toMatchObject({
    quantize_te: true,
  });
  expect(make({ model_name: "Qwen/Qwen-Image", quantize: false }).process.model).toMatchObject({
    quantize_te: false,
  });
});

test("a model's own learning rate and rank are its defaults; what the caller says comes first", () => {
  const lrOf = (given: Given) => make({ model_name: "HiDream-ai/HiDream-I1-Full", ...given }).process.train;
  expect(lrOf({})).toMatchObject({ lr: 0.0002 });
  expect(lrOf({ lr: 1e-4 })).toMatchObject({ lr: 0.0001 });
  const networkOf = (given: Given) =>
    make({ model_name: "NucleusAI/Nucleus-Image", ...given }).process.network;
  expect(networkOf({})).toMatchObject({ linear: 128, linear_alpha: 128 });
  expect(networkOf({ rank: 8 })).toMatchObject({ linear: 8, linear_alpha: 8 });
});

test.each<[Given, string]>([
  [{ model_name: "black-forest-labs/FLUX.1-dev", alpha: 8 }, "alpha 8 has no effect"],
  [{ model_name: "black-forest-labs/FLUX.1-dev", noise_scheduler: "ddpm" }, "does not fit Flux.1-dev"],
  [{ optimizer: "lion" }, "lion-pytorch"],
  [{ optimizer: "prodigy" }, "uses 1.0 instead of 0.0001"],
  [{ trigger_word: "p3t" }, "No sample prompt contains the trigger word"],
  [{ model_name: "Qwen/Qwen-Image-Edit" }, "No samples are drawn: Qwen-Image-Edit needs a control image"],
  [{ preset: "MiniMax-H3", batch_size: 2 }, "only do with a batch_size of 1"],
  [{ preset: "ACE-Step 1.5", prompts: ["a song"] }, "A prompt without <CAPTION>"],
  [{ preset: "Z-Image", num_frames: 41 }, "num_frames has no effect"],
  [{ preset: "Z-Image", is_flux: true }, "is_flux had no effect: preset 'Z-Image' decides"],
  [{ prompts: ["a dog -- at night"] }, "prompts[0]: everything after --"],
])("what may not be meant is told: %j", (given, text) => {
  expect(make(given).warnings).toEqual([expect.stringContaining(text)]);
});

test("alpha counts for SDXL, so nothing is said of it", () => {
  expect(make({ model_name: "stabilityai/stable-diffusion-xl-base-1.0", alpha: 8 }).warnings).toEqual([]);
});

test("a preset decides the settings, whatever copy of its model is loaded", () => {
  const { process, warnings } = make({ preset: "wan 2.1 (14b)", model_name: "/models/wan" });
  expect(process.model).toMatchObject({ name_or_path: "/models/wan", arch: "wan21:14b", quantize: true });
  expect(warnings).toEqual([]);
});

test.each([
  ["Wan 2.1 (14B)", {}, { num_frames: 41, fps: 16 }],
  ["LTX-2", {}, { num_frames: 121, fps: 24, do_audio: true }],
  ["MiniMax-H3", {}, { num_frames: 39, auto_frame_count: true }],
  ["MiniMax-H3", { num_frames: 5 }, { num_frames: 5, auto_frame_count: false }],
  ["Wan 2.2 (14B)", { num_frames: 1 }, { num_frames: 1 }],
])("a video model gets its frames: %s %j", (preset, given, dataset) => {
  expect(make({ preset, ...given }).process.datasets).toMatchObject([dataset]);
});

test("music is trained once, not once for each of three picture sizes, and sampled with its tags", () => {
  const { process } = make({ preset: "ACE-Step 1.5 XL" });
  expect(process.datasets).toMatchObject([{ resolution: 512 }]);
  expect(process.sample).toMatchObject({ prompts: [expect.stringMatching(/<CAPTION>.*<DURATION>60</s)] });
});

const shown = (...images: string[]) => ({ images, caption: undefined });

test("an edit model is sampled with the control images there are, in turn", () => {
  const one = make(
    { preset: "FLUX.1-Kontext-dev", prompts: ["smile", "frown", "sleep --ctrl_img /own.png"] },
    { controls: ["/before"], controlSamples: [shown("/before/a.png"), shown("/before/b.png")] },
  );
  expect(one.process.datasets).toMatchObject([{ control_path: "/before" }]);
  expect(one.process.sample).toMatchObject({
    samples: [
      { prompt: "smile", ctrl_img: "/before/a.png" },
      { prompt: "frown", ctrl_img: "/before/b.png" },
      { prompt: "sleep --ctrl_img /own.png" },
    ],
  });
  expect(one.process.sample).not.toHaveProperty("prompts");
  const several = make(
    { preset: "Qwen-Image-Edit-2509" },
    { controls: ["/a", "/b"], controlSamples: [{ images: ["/a/1.png", "/b/1.png"], caption: "swap them" }] },
  );
  expect(several.process.datasets).toMatchObject([{ control_path: ["/a", "/b"] }]);
  expect(several.process.sample).toMatchObject({
    samples: [{ prompt: "swap them", ctrl_img_1: "/a/1.png", ctrl_img_2: "/b/1.png" }],
  });
  expect(several.process.train).toMatchObject({ disable_sampling: false });
});

test("without any control image an edit model, or one that begins with a picture, draws no samples", () => {
  for (const preset of ["FLUX.1-Kontext-dev", "Wan 2.1 I2V (14B-480P)"]) {
    expect(make({ preset }).process.train, preset).toMatchObject({ disable_sampling: true });
    const prompts = ["x --ctrl_img /own.png"];
    expect(make({ preset, prompts }).process.train, preset).toMatchObject({ disable_sampling: false });
  }
});
