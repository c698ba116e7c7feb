// What the rehearsal knows of the models: which family an arch belongs to, as far as it shows in logs and files.
// Its own list on purpose: a stand-in that shared the supervisor's tables would share their mistakes.

/** Archs with a class of their own (ai-toolkit.md §3.1); they bring their own training scheduler. */
export const OWN_SCHEDULER_ARCHS: ReadonlySet<string> = new Set(
  (
    "ace_step_15 ace_step_15_xl anima boogu_image boogu_image_edit chroma chroma_radiance cogview4 ernie_image f-lite flex2 " +
    "flux2 flux2_klein_4b flux2_klein_9b flux_kontext hidream hidream_e1 hidream_o1 ideogram4 krea2 ltx2 ltx2.3 ltx2.5 " +
    "mageflow mageflow_edit minimax_h3 minimax_h3_ref2va nucleus_image omnigen2 prx_pixel qwen_image qwen_image_edit " +
    "qwen_image_edit_plus wan21 wan21_i2v wan22_14b wan22_14b_i2v wan22_5b zeta_chroma zimage zimage_l2p"
  ).split(" "),
);

const OLD_TRANSFORMERS = new Set(["sd3", "flux", "lumina2", "pixart", "pixart_sigma", "auraflow"]);
const OLD_UNETS = new Set(["sd1", "sd15", "sd2", "sdxl", "ssd", "vega"]);

const FLAGS = {
  is_flux: "flux",
  is_xl: "sdxl",
  is_v3: "sd3",
  is_v2: "sd2",
  is_pixart: "pixart",
  is_pixart_sigma: "pixart_sigma",
  is_auraflow: "auraflow",
  is_lumina2: "lumina2",
  is_ssd: "ssd",
  is_vega: "vega",
} as const;

type ModelFlags = { readonly [Flag in keyof typeof FLAGS]: boolean } & {
  readonly arch: string | null;
};

/** Without `arch` the legacy flags decide; text after `:` is only for the UI; an arch nobody knows is silently SD 1.5. */
export function archOf(model: ModelFlags): string {
  if (model.arch === null) {
    const flag = (Object.keys(FLAGS) as (keyof typeof FLAGS)[]).find((name) => model[name]);
    return flag === undefined ? "sd1" : FLAGS[flag];
  }
  const arch = model.arch.replace(/:.*/s, "");
  if (arch === "flex1") return "flux";
  return OWN_SCHEDULER_ARCHS.has(arch) || OLD_TRANSFORMERS.has(arch) || OLD_UNETS.has(arch) ? arch : "sd1";
}

export const isTransformer = (arch: string) => !OLD_UNETS.has(arch);

/** Wan 2.2 14B trains two experts and saves a pair. */
export const weightSuffixes = (arch: string) =>
  arch.startsWith("wan22_14b") ? ["_high_noise", "_low_noise"] : [""];

export const samplesTitle = (arch: string) =>
  OWN_SCHEDULER_ARCHS.has(arch) ? "Generating Samples" : "Generating Images";

const BASE_VERSIONS: Readonly<Record<string, string>> = {
  sd1: "sd_1.5",
  sd15: "sd_1.5",
  sdxl: "sdxl_1.0",
  sd2: "sd_2.1",
  sd3: "sd_3",
  flux: "flux.1",
  flux_kontext: "flux.1_kontext",
  hidream: "hidream_i1",
  hidream_e1: "hidream_i1",
  wan21: "wan_2.1",
  wan21_i2v: "wan_2.1",
  wan22_5b: "wan_2.2_5b",
  wan22_14b: "wan_2.2_14b",
  wan22_14b_i2v: "wan_2.2_14b",
  qwen_image_edit: "qwen_image",
  qwen_image_edit_plus: "qwen_image",
  "ltx2.3": "ltx2",
  "ltx2.5": "ltx2",
  zimage_l2p: "zimage",
  boogu_image: "boogu_image.0.1",
  boogu_image_edit: "boogu_image_edit.0.1",
};

/** `ss_base_model_version`; most of the newer models use their arch. */
export const baseModelVersion = (arch: string) => BASE_VERSIONS[arch] ?? arch;
