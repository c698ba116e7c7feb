// The presets as list_model_presets answers them.
import type * as v from "valibot";
import { PRESETS, type Preset } from "./presets.ts";
import type { listModelPresets } from "./tools/system.ts";

type Answer = v.InferInput<(typeof listModelPresets)["output"]>;

const listed = (preset: Preset): Answer["presets"][number] => ({
  name: preset.name,
  model_path: preset.modelPath,
  description: preset.description,
  is_flux: preset.isFlux,
  is_xl: preset.isXl,
  is_v3: preset.isV3,
  recommended_resolution: [...preset.resolution],
  recommended_scheduler: preset.scheduler,
  requires_quantize: preset.quantize,
  min_vram_gb: preset.minVramGb,
  arch: preset.arch,
  gated: preset.gated,
});

export const presetList = (): Answer => ({
  note: "Use these settings as a starting point for create_training_config",
  presets: PRESETS.map(listed),
});
