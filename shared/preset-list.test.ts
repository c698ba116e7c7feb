import * as v from "valibot";
import { expect, test } from "vitest";
import { presetList } from "./preset-list.ts";
import { listModelPresets } from "./tools/system.ts";

test("the list answers in the promised shape, with the old server's note and its five first", () => {
  const answer = presetList();
  expect(v.parse(listModelPresets.output, answer)).toEqual(answer);
  expect(answer.note).toBe("Use these settings as a starting point for create_training_config");
  expect(answer.presets[0]).toEqual({
    name: "Flux.1-dev",
    model_path: "black-forest-labs/FLUX.1-dev",
    description: "Flux 1.0 Dev - High quality, requires 24GB+ VRAM",
    is_flux: true,
    is_xl: false,
    is_v3: false,
    recommended_resolution: [512, 768, 1024],
    recommended_scheduler: "flowmatch",
    requires_quantize: true,
    min_vram_gb: 24,
    vram_source: "ai-toolkit's config/examples/train_lora_flux_24gb.yaml",
    arch: "flux",
    gated: true,
    kind: "image",
    control_folders: 0,
  });
  expect(answer.presets.slice(0, 5).map(({ name }) => name)).toEqual([
    "Flux.1-dev",
    "Flux.1-schnell",
    "Stable Diffusion 1.5",
    "Stable Diffusion XL",
    "Stable Diffusion 3.5 Large",
  ]);
});

test("it may be asked for one kind, and for what is known to fit", () => {
  const kinds = (kind: "image" | "edit" | "video" | "audio") =>
    presetList({ kind }).presets.map((preset) => preset.kind);
  expect(new Set(kinds("audio"))).toEqual(new Set(["audio"]));
  for (const kind of ["image", "edit", "video", "audio"] as const) expect(kinds(kind)).not.toEqual([]);

  const { presets, unknown_vram } = presetList({ max_vram_gb: 16 });
  expect(presets.map(({ name }) => name)).toEqual(["Stable Diffusion 1.5", "Stable Diffusion XL"]);
  expect(unknown_vram).toContain("Z-Image");
  expect(unknown_vram).not.toContain("Flux.1-dev");
  expect(presetList().unknown_vram).toBeUndefined();
  expect(presetList({ kind: "edit", max_vram_gb: 24 }).presets.map(({ name }) => name)).toEqual([
    "FLUX.1-Kontext-dev",
  ]);
});
