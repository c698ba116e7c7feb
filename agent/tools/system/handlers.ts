import type * as v from "valibot";
import type { Handler, Handlers } from "../../../shared/contract.ts";
import { PRESETS, type Preset } from "../../../shared/presets.ts";
import type { agentHealth, listModelPresets, systemTools } from "../../../shared/tools/system.ts";
import type { SystemMonitor } from "./system-monitor.ts";

export interface SystemParts {
  readonly stats: Pick<SystemMonitor, "read">;
  readonly health: Handler<typeof agentHealth>;
}

type ListedPreset = v.InferInput<(typeof listModelPresets)["output"]>["presets"][number];

const listed = (preset: Preset): ListedPreset => ({
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

export const systemHandlers = ({ stats, health }: SystemParts): Handlers<typeof systemTools> => ({
  get_system_stats: () => stats.read(),

  list_model_presets: () => ({
    note: "Use these settings as a starting point for create_training_config",
    presets: PRESETS.map(listed),
  }),

  agent_health: health,
});
