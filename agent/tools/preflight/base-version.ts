// What ai-toolkit writes into a checkpoint about its base model, `ss_base_model_version`, by architecture. Asked of every
// model class of 0.12.26; those that differ from the arch itself.
import { ARCHS } from "../configs/known-values.ts";

const VERSIONS: Readonly<Record<string, string>> = {
  sd1: "sd_1.5",
  sd15: "sd_1.5",
  sd2: "sd_2.1",
  sdxl: "sdxl_1.0",
  sd3: "sd_3",
  flux: "flux.1",
  flex1: "flux.1",
  flux_kontext: "flux.1_kontext",
  hidream: "hidream_i1",
  hidream_e1: "hidream_i1",
  wan21: "wan_2.1",
  wan21_i2v: "wan_2.1",
  wan22_14b: "wan_2.2_14b",
  wan22_14b_i2v: "wan_2.2_14b",
  wan22_5b: "wan_2.2_5b",
  qwen_image_edit: "qwen_image",
  qwen_image_edit_plus: "qwen_image",
  "ltx2.3": "ltx2",
  "ltx2.5": "ltx2",
  zimage_l2p: "zimage",
  boogu_image: "boogu_image.0.1",
  boogu_image_edit: "boogu_image_edit.0.1",
};

/** undefined for an arch we do not know. */
export function baseVersion(arch: string): string | undefined {
  return VERSIONS[arch] ?? (ARCHS.has(arch) && arch !== "pixart_sigma" ? arch : undefined);
}
