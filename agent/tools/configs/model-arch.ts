// Which architecture ai-toolkit makes of a model block (toolkit/config_modules.py, ModelConfig).
import { asText, type JsonObject } from "./check.ts";
import { plainArch } from "./known-values.ts";

/** Without `arch` these decide, in the trainer's own order. */
const FLAGS = {
  is_v2: "sd2",
  is_v3: "sd3",
  is_xl: "sdxl",
  is_pixart: "pixart",
  is_pixart_sigma: "pixart_sigma",
  is_auraflow: "auraflow",
  is_flux: "flux",
  is_lumina2: "lumina2",
  is_vega: "vega",
  is_ssd: "ssd",
} as const;

/** Without the text after a colon. `flex1` is left as it is: the trainer takes it for `flux`, presets tell them apart. */
export function archOf(model: JsonObject): string {
  const arch = asText(model.arch);
  if (arch !== undefined) return plainArch(arch);
  return Object.entries(FLAGS).find(([flag]) => model[flag] === true)?.[1] ?? "sd1";
}
