// What can be trained: every base model that ai-toolkit has defaults for, one row each. Values: the official UI's,
// `ui/src/app/jobs/new/options.tsx` at ostris/ai-toolkit@27a03a9 (0.12.26); those of the first five also from its
// `config/examples`. Which row is meant by what a client says: preset-choice.ts.
import type { NOISE_SCHEDULERS, OPTIMIZERS } from "./tools/configs.ts";

type Values = Readonly<Record<string, unknown>>;

/** What is trained to be made: pictures, pictures of pictures, videos, music. */
export const PRESET_KINDS = ["image", "edit", "video", "audio"] as const;
export type PresetKind = (typeof PRESET_KINDS)[number];

export interface Preset {
  readonly name: string;
  /** Hugging Face repository, or `repository/file`; ai-toolkit's `model.name_or_path`. */
  readonly modelPath: string;
  readonly description: string;
  /** ai-toolkit's `model.arch`. Text after a colon only tells variants apart; the trainer drops it. */
  readonly arch: string;
  readonly kind: PresetKind;
  /** The old server's three families. FLUX.2 is not `isFlux`: that flag means FLUX.1. */
  readonly isFlux: boolean;
  readonly isXl: boolean;
  readonly isV3: boolean;
  /** Its licence has to be accepted on Hugging Face, and the trainer needs HF_TOKEN to load it. */
  readonly gated: boolean;
  /** What they are said to fit into, in GB; null where nobody has said a figure. */
  readonly minVramGb: number | null;
  /** Who has said it; null with it. */
  readonly vramSource: string | null;
  readonly quantize: boolean;
  readonly quantizeTe: boolean;
  /** Absent: ai-toolkit's default, qfloat8. */
  readonly qtype?: string;
  readonly qtypeTe?: string;
  /** The `qtype` (3 or 4 bits with an accuracy recovery adapter) that `minVramGb` is about, where it is not the row's own. */
  readonly minVramQtype?: string;
  readonly lowVram: boolean;
  readonly scheduler: (typeof NOISE_SCHEDULERS)[number];
  readonly optimizer: (typeof OPTIMIZERS)[number];
  readonly dtype: "bf16" | "fp16";
  readonly lr: number;
  readonly rank?: number;
  readonly timestepType?: string;
  /** Pixels; several mean that every image is trained at each of them. */
  readonly resolution: readonly number[];
  readonly guidanceScale: number;
  readonly sampleSteps: number;
  /** Width and height of samples in pixels. */
  readonly sampleSize: number;
  /** Sample prompts in the model's own form, where plain sentences would not do. */
  readonly prompts?: readonly string[];
  /** How many control folders a data set may have; models of kind "edit" cannot train without one. */
  readonly controlFolders: 0 | 1 | 3;
  /** Further keys of the config's blocks. */
  readonly model?: Values;
  readonly train?: Values;
  readonly network?: Values;
  readonly dataset?: Values;
  readonly sample?: Values;
}

interface Row extends Partial<Preset> {
  readonly experimental?: boolean;
}

const KIND_TEXT = {
  image: "text to image",
  edit: "image editing",
  video: "video",
  audio: "music",
} as const satisfies Record<Preset["kind"], string>;

function describe(preset: Omit<Preset, "description">, experimental: boolean): string {
  const { kind, controlFolders, minVramGb, minVramQtype, gated } = preset;
  const vram = minVramGb && `${minVramGb}GB+ VRAM${minVramQtype ? ` with qtype ${minVramQtype}` : ""}`;
  const parts = [
    KIND_TEXT[kind],
    kind === "edit" && "needs a control image for every training image",
    kind !== "edit" &&
      controlFolders > 0 &&
      (controlFolders === 1 ? "takes a control folder" : `takes up to ${controlFolders} control folders`),
    vram,
    gated && "gated on Hugging Face",
    experimental && "experimental in ai-toolkit",
  ];
  return `${preset.name} - ${parts.filter(Boolean).join(", ")}`;
}

/** A row over the UI's base values. */
function row(
  name: string,
  arch: string,
  modelPath: string,
  { experimental = false, ...differences }: Row = {},
): Preset {
  const preset = {
    name,
    modelPath,
    arch,
    kind: "image",
    isFlux: false,
    isXl: false,
    isV3: false,
    gated: false,
    minVramGb: null,
    vramSource: null,
    quantize: true,
    quantizeTe: true,
    lowVram: false,
    scheduler: "flowmatch",
    optimizer: "adamw8bit",
    dtype: "bf16",
    lr: 1e-4,
    resolution: [512, 768, 1024],
    guidanceScale: 4,
    sampleSteps: 30,
    sampleSize: 1024,
    controlFolders: 0,
    ...differences,
  } as const satisfies Omit<Preset, "description">;
  return { description: describe(preset, experimental), ...preset };
}

/** One of ai-toolkit's `config/examples/train_lora_*.yaml`, which have the size of the GPU in their name or first lines. */
const fits = (minVramGb: number, example: string, how = "") => ({
  minVramGb,
  vramSource: `ai-toolkit's config/examples/train_lora_${example}.yaml${how && `, ${how}`}`,
});
/** ai-toolkit says nothing of these; the figure is what clients of the older server were told. */
const toldBefore = (minVramGb: number) => ({ minVramGb, vramSource: "the older server's list of presets" });

// What several rows share.
const WEIGHTED = { timestepType: "weighted" } as const;
const LINEAR = { timestepType: "linear", lowVram: true } as const;
const QF8 = { qtype: "qfloat8", lowVram: true, timestepType: "weighted" } as const;
const EDIT_1 = { kind: "edit", controlFolders: 1 } as const;
const EDIT_3 = { kind: "edit", controlFolders: 3, train: { unload_text_encoder: false } } as const;
const KEEP_TARGET_SIZE = { model_kwargs: { match_target_res: false } } as const;
const WAN = { kind: "video", sample: { num_frames: 41, fps: 16 }, dataset: { fps: 16 } } as const;
const WAN_22 = {
  ...WAN,
  ...LINEAR,
  model: { model_kwargs: { train_high_noise: true, train_low_noise: true } },
} as const;
const LTX = {
  kind: "video",
  lowVram: true,
  timestepType: "weighted",
  sampleSize: 768,
  sample: { num_frames: 121, fps: 24 },
  train: { audio_loss_multiplier: 1.0 },
} as const;
const MINIMAX = {
  kind: "video",
  lowVram: true,
  // The published weights are already in these two formats; any other would be converted layer by layer on load.
  qtype: "convrot8",
  qtypeTe: "nvfp4",
  timestepType: "shift",
  guidanceScale: 1,
  sampleSteps: 28,
  sampleSize: 768,
  rank: 16,
  sample: { num_frames: 107, fps: 24 },
  train: {
    cache_text_embeddings: true,
    do_guidance_loss: true,
    guidance_loss_target: 3.5,
    audio_loss_multiplier: 1.0,
  },
  network: { network_kwargs: { ignore_if_contains: ["adaln_proj"] } },
  dataset: { do_audio: true, cache_latents_to_disk: true, fps: 24, num_frames: 39, auto_frame_count: true },
} as const;
const ACE_STEP = {
  kind: "audio",
  qtype: "qfloat8",
  lowVram: true,
  timestepType: "linear",
  train: { unload_text_encoder: false },
  resolution: [512], // means nothing to sound, but a list would train everything once for each
  // Without the tags the trainer renders one second of sound.
  prompts: [
    "<CAPTION>my style song</CAPTION>\n<LYRICS>\n[Instrumental]\n</LYRICS>\n<BPM>112</BPM>\n<KEYSCALE>A minor</KEYSCALE>\n<TIMESIGNATURE>4</TIMESIGNATURE>\n<DURATION>60</DURATION>\n<LANGUAGE>en</LANGUAGE>",
  ],
  sample: { num_frames: 1, fps: 1 },
} as const;
const KREA_EDIT = {
  ...LINEAR,
  ...EDIT_3,
  gated: true,
  experimental: true,
} as const;
const KREA_EDIT_KWARGS = { model_kwargs: { edit: true, match_target_res: true, kv_cache: true } } as const;
const KREA_TURBO_ADAPTER = {
  assistant_lora_path: "ostris/krea2_turbo_training_adapter/krea2_turbo_training_adapter_v1.safetensors",
} as const;
const RECOVERY = "ostris/accuracy_recovery_adapters";

export const FLUX_DEV: Preset = row("Flux.1-dev", "flux", "black-forest-labs/FLUX.1-dev", {
  description: "Flux 1.0 Dev - High quality, requires 24GB+ VRAM",
  isFlux: true,
  gated: true,
  ...fits(24, "flux_24gb"),
  sampleSteps: 20,
});

export const FLUX_SCHNELL: Preset = row("Flux.1-schnell", "flux", "black-forest-labs/FLUX.1-schnell", {
  description: "Flux 1.0 Schnell - Faster, Apache 2.0 license",
  isFlux: true,
  ...fits(24, "flux_schnell_24gb"),
  // Without this adapter training destroys the distillation that makes it fast; with it, one to four steps sample well.
  model: { assistant_lora_path: "ostris/FLUX.1-schnell-training-adapter" },
  guidanceScale: 1,
  sampleSteps: 4,
});

/** The last two generations before transformers: no quantization, their own noise schedule. */
const UNET = {
  quantize: false,
  quantizeTe: false,
  scheduler: "ddpm",
  optimizer: "adamw",
  guidanceScale: 6,
  sampleSteps: 20,
} as const;

export const SD_15: Preset = row(
  "Stable Diffusion 1.5",
  "sd15",
  "stable-diffusion-v1-5/stable-diffusion-v1-5",
  {
    ...UNET,
    description: "SD 1.5 - Classic model, works on 8GB+ VRAM",
    ...toldBefore(8),
    dtype: "fp16", // cards of 8 GB are often too old for bf16
    resolution: [512],
    sampleSize: 512,
  },
);

export const SDXL: Preset = row("Stable Diffusion XL", "sdxl", "stabilityai/stable-diffusion-xl-base-1.0", {
  ...UNET,
  description: "SDXL - Higher resolution, requires 12GB+ VRAM",
  isXl: true,
  ...toldBefore(12),
  resolution: [1024],
});

export const SD_35: Preset = row(
  "Stable Diffusion 3.5 Large",
  "sd3",
  "stabilityai/stable-diffusion-3.5-large",
  {
    description: "SD 3.5 Large - Latest architecture, requires 24GB+ VRAM",
    isV3: true,
    gated: true,
    ...fits(24, "sd35_large_24gb"),
    timestepType: "linear",
    resolution: [1024],
    sampleSteps: 25,
  },
);

/** SD 2.x is not offered: its repositories are gone. Copies under other names still train. */
export const SD_2_BASE: Preset = { ...SD_15, name: "Stable Diffusion 2 base", arch: "sd2" };
export const SD_2_V: Preset = {
  ...SD_2_BASE,
  name: "Stable Diffusion 2",
  resolution: [768],
  sampleSize: 768,
  model: { is_v_pred: true },
};

/** The old server's five first, in its order. Rows that share a model path: the plain one comes before its variants. */
export const PRESETS: readonly Preset[] = [
  FLUX_DEV,
  FLUX_SCHNELL,
  SD_15,
  SDXL,
  SD_35,
  row("Anima", "anima", "circlestone-labs/Anima-Base-v1.0-Diffusers", {
    ...WEIGHTED,
    quantize: false,
    quantizeTe: false,
    sample: {
      neg: "worst quality, low quality, score_1, score_2, score_3, blurry, jpeg artifacts, sepia, signature, artist name",
    },
  }),
  row("FLUX.1-Kontext-dev", "flux_kontext", "black-forest-labs/FLUX.1-Kontext-dev", {
    ...WEIGHTED,
    ...EDIT_1,
    gated: true,
    ...fits(24, "flux_kontext_24gb", "at 512 and 768 pixels"),
  }),
  row("Flex.1", "flex1", "ostris/Flex.1-alpha", {
    ...fits(24, "flex_24gb"),
    train: { bypass_guidance_embedding: true },
  }),
  row("Flex.2", "flex2", "ostris/Flex.2-preview", {
    ...fits(24, "flex2_24gb"),
    train: { bypass_guidance_embedding: true },
    dataset: { controls: ["depth", "line", "pose", "inpaint"] },
    model: {
      model_kwargs: {
        invert_inpaint_mask_chance: 0.2,
        inpaint_dropout: 0.5,
        control_dropout: 0.5,
        inpaint_random_chance: 0.2,
        do_random_inpainting: true,
        random_blur_mask: true,
        random_dialate_mask: true,
      },
    },
  }),
  row("Chroma", "chroma", "lodestones/Chroma1-Base", { ...fits(24, "chroma_24gb") }),
  row(
    "Zeta Chroma",
    "zeta_chroma",
    "lodestones/Zeta-Chroma/zeta-chroma-base-x0-pixel-dino-distance.safetensors",
    {
      experimental: true,
      model: { extras_name_or_path: "Tongyi-MAI/Z-Image-Turbo" },
    },
  ),
  row("Wan 2.1 (1.3B)", "wan21:1b", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", {
    ...WAN,
    ...fits(24, "wan21_1b_24gb", "on still images"),
    quantize: false,
  }),
  row("Wan 2.1 I2V (14B-480P)", "wan21_i2v:14b480p", "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers", {
    ...WAN,
    ...WEIGHTED,
  }),
  row("Wan 2.1 I2V (14B-720P)", "wan21_i2v:14b", "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers", {
    ...WAN,
    ...WEIGHTED,
  }),
  row("Wan 2.1 (14B)", "wan21:14b", "Wan-AI/Wan2.1-T2V-14B-Diffusers", {
    ...WAN,
    ...fits(24, "wan21_14b_24gb", "on still images with train.unload_text_encoder"),
  }),
  row("Wan 2.2 (14B)", "wan22_14b:t2v", "ai-toolkit/Wan2.2-T2V-A14B-Diffusers-bf16", {
    ...WAN_22,
    ...fits(24, "wan22_14b_24gb", "on still images with train.cache_text_embeddings"),
    minVramQtype: `uint4|${RECOVERY}/wan22_14b_t2i_torchao_uint4.safetensors`,
  }),
  row("Wan 2.2 I2V (14B)", "wan22_14b_i2v", "ai-toolkit/Wan2.2-I2V-A14B-Diffusers-bf16", {
    ...WAN_22,
  }),
  row("Wan 2.2 TI2V (5B)", "wan22_5b", "Wan-AI/Wan2.2-TI2V-5B-Diffusers", {
    kind: "video",
    lowVram: true,
    timestepType: "weighted",
    sampleSize: 768,
    sample: { num_frames: 121, fps: 24 },
    dataset: { do_i2v: true, fps: 24 },
  }),
  row("Lumina2", "lumina2", "Alpha-VLLM/Lumina-Image-2.0", { quantize: false, ...fits(20, "lumina") }),
  row("Qwen-Image", "qwen_image", "Qwen/Qwen-Image", {
    ...QF8,
    ...fits(24, "qwen_image_24gb"),
    minVramQtype: `uint3|${RECOVERY}/qwen_image_torchao_uint3.safetensors`,
  }),
  row("Qwen-Image-2512", "qwen_image:2512", "Qwen/Qwen-Image-2512", {
    ...QF8,
  }),
  row("Qwen-Image-Edit", "qwen_image_edit", "Qwen/Qwen-Image-Edit", {
    ...QF8,
    ...EDIT_1,
    ...fits(32, "qwen_image_edit_32gb"),
    minVramQtype: `uint3|${RECOVERY}/qwen_image_edit_torchao_uint3.safetensors`,
  }),
  row("Qwen-Image-Edit-2509", "qwen_image_edit_plus", "Qwen/Qwen-Image-Edit-2509", {
    ...QF8,
    ...EDIT_3,
    model: KEEP_TARGET_SIZE,
    ...fits(32, "qwen_image_edit_2509_32gb", "with train.cache_text_embeddings"),
    minVramQtype: `uint3|${RECOVERY}/qwen_image_edit_2509_torchao_uint3.safetensors`,
  }),
  row("Qwen-Image-Edit-2511", "qwen_image_edit_plus:2511", "Qwen/Qwen-Image-Edit-2511", {
    ...QF8,
    ...EDIT_3,
    model: KEEP_TARGET_SIZE,
  }),
  row("HiDream", "hidream", "HiDream-ai/HiDream-I1-Full", {
    timestepType: "shift",
    lr: 2e-4,
    ...fits(48, "hidream_48"),
    network: { network_kwargs: { ignore_if_contains: ["ff_i.experts", "ff_i.gate"] } },
  }),
  row("HiDream E1", "hidream_e1", "HiDream-ai/HiDream-E1-1", {
    ...WEIGHTED,
    ...EDIT_1,
    network: { network_kwargs: { ignore_if_contains: ["ff_i.experts", "ff_i.gate"] } },
  }),
  row("OmniGen2", "omnigen2", "OmniGen2/OmniGen2", {
    quantize: false,
    controlFolders: 1,
    ...fits(24, "omnigen2_24gb"),
  }),
  row("FLUX.2", "flux2", "black-forest-labs/FLUX.2-dev", {
    ...QF8,
    gated: true,
    controlFolders: 3,
    train: { unload_text_encoder: false },
    model: KEEP_TARGET_SIZE,
  }),
  row("Z-Image Turbo (w/ Training Adapter)", "zimage:turbo", "Tongyi-MAI/Z-Image-Turbo", {
    ...QF8,
    train: { unload_text_encoder: false },
    model: {
      assistant_lora_path:
        "ostris/zimage_turbo_training_adapter/zimage_turbo_training_adapter_v2.safetensors",
    },
    guidanceScale: 1,
    sampleSteps: 9,
  }),
  row("Z-Image", "zimage", "Tongyi-MAI/Z-Image", { ...QF8, train: { unload_text_encoder: false } }),
  row("Z-Image De-Turbo (De-Distilled)", "zimage:deturbo", "ostris/Z-Image-De-Turbo", {
    ...QF8,
    train: { unload_text_encoder: false },
    model: { extras_name_or_path: "Tongyi-MAI/Z-Image-Turbo" },
    guidanceScale: 3,
    sampleSteps: 25,
  }),
  row("MiniMax-H3", "minimax_h3", "Comfy-Org/MiniMax-H3", {
    ...MINIMAX,
    model: {
      assistant_lora_path: "ostris/minimax_h3_training_adapter/minimax_h3_training_adapter_v1.safetensors",
    },
  }),
  row("MiniMax-H3 Ref2V", "minimax_h3_ref2va", "Comfy-Org/MiniMax-H3", {
    ...MINIMAX,
    controlFolders: 3,
    model: {
      assistant_lora_path:
        "ostris/minimax_h3_training_adapter/minimax_h3_ref2va_training_adapter_v1.safetensors",
    },
  }),
  row("LTX-2", "ltx2", "Lightricks/LTX-2", { ...LTX, dataset: { do_audio: true, fps: 24 } }),
  row("LTX-2.3", "ltx2.3", "Lightricks/LTX-2.3/ltx-2.3-22b-dev.safetensors", {
    ...LTX,
    dataset: { cache_latents_to_disk: true, do_audio: true, fps: 24 },
  }),
  row("LTX-2.5", "ltx2.5", "Lightricks/LTX-2.5", {
    ...LTX,
    gated: true,
    qtype: "convrot8",
    qtypeTe: "convrot8",
    dataset: { cache_latents_to_disk: true, do_audio: true, fps: 24 },
  }),
  row("FLUX.2-klein-base-4B", "flux2_klein_4b", "black-forest-labs/FLUX.2-klein-base-4B", {
    ...QF8,
    controlFolders: 3,
    train: { unload_text_encoder: false },
    model: KEEP_TARGET_SIZE,
  }),
  row("ERNIE-Image", "ernie_image", "baidu/ERNIE-Image", { ...QF8, train: { unload_text_encoder: false } }),
  row("FLUX.2-klein-base-9B", "flux2_klein_9b", "black-forest-labs/FLUX.2-klein-base-9B", {
    ...QF8,
    gated: true,
    controlFolders: 3,
    train: { unload_text_encoder: false },
    model: KEEP_TARGET_SIZE,
  }),
  row(
    "ACE-Step 1.5 XL",
    "ace_step_15_xl",
    "ostris/ace_step_1.5_ComfyUI_files/ace_step_1.5_xl_base_aio.safetensors",
    ACE_STEP,
  ),
  row(
    "ACE-Step 1.5",
    "ace_step_15",
    "ostris/ace_step_1.5_ComfyUI_files/ace_step_1.5_base_aio.safetensors",
    ACE_STEP,
  ),
  row("Nucleus-Image", "nucleus_image", "NucleusAI/Nucleus-Image", {
    timestepType: "linear",
    rank: 128,
    network: { network_kwargs: { ignore_if_contains: ["img_mlp.experts", "img_mlp.gate"] } },
  }),
  row("HiDream-O1", "hidream_o1", "HiDream-ai/HiDream-O1-Image", {
    timestepType: "linear",
    quantizeTe: false,
    sampleSize: 2048,
    train: { max_loss: 1.0 },
    network: {
      transformer_only: false,
      network_kwargs: { ignore_if_contains: ["lm_head", "patch_embed", "visual"] },
    },
    model: { model_kwargs: { noise_scale_inference: 8.0, noise_scale: 8.0 } },
  }),
  row("Z-Image L2P (pixel space)", "zimage_l2p", "zhen-nan/L2P/model-1k-merge.safetensors", {
    ...LINEAR,
    model: { extras_name_or_path: "Tongyi-MAI/Z-Image-Turbo" },
  }),
  row("Ideogram4", "ideogram4", "ideogram-ai/ideogram-4-fp8", {
    ...LINEAR,
    gated: true,
    experimental: true,
    model: {
      unconditional_lora_path:
        "ostris/ideogram_4_unconditional_lora/ideogram_4_unconditional_lora_r16.safetensors",
    },
    // It was taught with descriptions in JSON.
    prompts: [
      '{"high_level_description": "A 35mm film photograph of a woman in a grey beanie holding a coffee cup at a wooden cafe table by a window.", "style_description": {"aesthetics": "Cozy, relaxed, intimate.", "lighting": "Soft diffused window daylight.", "medium": "photograph"}}',
    ],
    sample: { num_frames: 1, fps: 1 },
  }),
  row("PRXPixel (pixel space)", "prx_pixel", "Photoroom/prxpixel-t2i", LINEAR),
  row("Krea 2 (raw)", "krea2", "krea/Krea-2-Raw", { ...LINEAR, gated: true }),
  row("Krea 2 Turbo (w/ Training Adapter)", "krea2:turbo", "krea/Krea-2-Turbo", {
    ...LINEAR,
    gated: true,
    model: KREA_TURBO_ADAPTER,
    guidanceScale: 1,
    sampleSteps: 9,
  }),
  row("Krea 2 (raw) [Edit Training]", "krea2:o_edit", "krea/Krea-2-Raw", {
    ...KREA_EDIT,
    model: KREA_EDIT_KWARGS,
  }),
  row("Krea 2 Turbo (w/ Training Adapter) [Edit Training]", "krea2:o_edit_turbo", "krea/Krea-2-Turbo", {
    ...KREA_EDIT,
    model: { ...KREA_TURBO_ADAPTER, ...KREA_EDIT_KWARGS },
    guidanceScale: 1,
    sampleSteps: 8,
  }),
  row("Mage-Flow", "mageflow", "microsoft/Mage-Flow-Base", { ...LINEAR, sampleSteps: 25 }),
  row("Mage-Flow Edit", "mageflow_edit", "microsoft/Mage-Flow-Edit-Base", {
    ...LINEAR,
    ...EDIT_3,
    sampleSteps: 25,
  }),
  row("Boogu Image", "boogu_image", "Boogu/Boogu-Image-0.1-Base", LINEAR),
  row("Boogu Image Edit", "boogu_image_edit", "Boogu/Boogu-Image-0.1-Edit", {
    ...LINEAR,
    ...EDIT_3,
    model: KEEP_TARGET_SIZE,
  }),
];

/** The preset of that name, upper and lower case alike, or of that arch where only one has it. */
export function presetNamed(name: string): Preset | undefined {
  const asked = name.trim().toLowerCase();
  const ofArch = PRESETS.filter(({ arch }) => arch === asked);
  return (
    PRESETS.find((preset) => preset.name.toLowerCase() === asked) ??
    (ofArch.length === 1 ? ofArch[0] : undefined)
  );
}

/** The preset of a model path, upper and lower case alike. */
export function knownModel(path: string): Preset | undefined {
  return PRESETS.find((preset) => preset.modelPath.toLowerCase() === path.toLowerCase());
}
