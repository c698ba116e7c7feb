// What the sides of a bucket are multiples of, by `model.arch`: `get_bucket_divisibility` of each model class in
// ostris/ai-toolkit@27a03a9. The trainer overwrites `bucket_tolerance` of the config with it (toolkit/data_loader.py:395).

const OF_ARCH: Readonly<Record<number, readonly string[]>> = {
  8: ["cogview4"],
  32: [
    ...["flux", "flex1", "sd3", "chroma", "chroma_radiance", "zeta_chroma", "hidream_o1", "nucleus_image"],
    ...["anima", "ernie_image", "qwen_image", "qwen_image_edit", "qwen_image_edit_plus", "wan22_5b"],
    ...["ltx2", "ltx2.3", "ltx2.5", "minimax_h3", "minimax_h3_ref2va"],
  ],
};

/** Of every other model, an unknown one included: that is loaded as SD 1.5. */
const USUAL = 16;

const byArch = new Map(
  Object.entries(OF_ARCH).flatMap(([divisibility, archs]) =>
    archs.map((arch) => [arch, Number(divisibility)] as const),
  ),
);

/** @param arch text after a colon only tells presets apart */
export function divisibilityOf(arch = ""): number {
  return byArch.get(arch.split(":", 1)[0] ?? "") ?? USUAL;
}
