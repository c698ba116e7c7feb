// The presets as list_model_presets answers them.
import type * as v from "valibot";
import { PRESETS, type Preset } from "./presets.ts";
import type { listModelPresets } from "./tools/system.ts";

type Question = v.InferOutput<(typeof listModelPresets)["input"]>;
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
  vram_source: preset.vramSource,
  arch: preset.arch,
  gated: preset.gated,
  kind: preset.kind,
  control_folders: preset.controlFolders,
});

/** With a limit, models of unknown needs are only named: nobody can say whether they fit. */
export function presetList({ kind, max_vram_gb: most }: Question = {}): Answer {
  const ofKind = PRESETS.filter((preset) => kind === undefined || preset.kind === kind);
  const fitting = ofKind.filter(
    ({ minVramGb }) => most === undefined || (minVramGb !== null && minVramGb <= most),
  );
  const unknown = ofKind.filter(({ minVramGb }) => minVramGb === null).map(({ name }) => name);
  return {
    note: "Use these settings as a starting point for create_training_config",
    presets: fitting.map(listed),
    ...(most !== undefined && { unknown_vram: unknown }),
  };
}
