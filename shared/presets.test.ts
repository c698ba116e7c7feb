import { expect, test } from "vitest";
import { knownModel, PRESETS } from "./presets.ts";

test("the old server's five come first, with its figures", () => {
  const five = PRESETS.slice(0, 5).map((preset) => [
    preset.name,
    preset.modelPath,
    preset.description,
    [preset.isFlux, preset.isXl, preset.isV3],
    preset.resolution,
    preset.scheduler,
    preset.quantize,
    preset.minVramGb,
  ]);
  expect(five).toEqual([
    [
      "Flux.1-dev",
      "black-forest-labs/FLUX.1-dev",
      "Flux 1.0 Dev - High quality, requires 24GB+ VRAM",
      [true, false, false],
      [512, 768, 1024],
      "flowmatch",
      true,
      24,
    ],
    [
      "Flux.1-schnell",
      "black-forest-labs/FLUX.1-schnell",
      "Flux 1.0 Schnell - Faster, Apache 2.0 license",
      [true, false, false],
      [512, 768, 1024],
      "flowmatch",
      true,
      24,
    ],
    [
      "Stable Diffusion 1.5",
      "stable-diffusion-v1-5/stable-diffusion-v1-5",
      "SD 1.5 - Classic model, works on 8GB+ VRAM",
      [false, false, false],
      [512],
      "ddpm",
      false,
      8,
    ],
    [
      "Stable Diffusion XL",
      "stabilityai/stable-diffusion-xl-base-1.0",
      "SDXL - Higher resolution, requires 12GB+ VRAM",
      [false, true, false],
      [1024],
      "ddpm",
      false,
      12,
    ],
    [
      "Stable Diffusion 3.5 Large",
      "stabilityai/stable-diffusion-3.5-large",
      "SD 3.5 Large - Latest architecture, requires 24GB+ VRAM",
      [false, false, true],
      [1024],
      "flowmatch",
      true,
      24,
    ],
  ]);
});

test("D23: schnell is trained with its adapter and sampled as it was distilled", () => {
  expect(knownModel("black-forest-labs/FLUX.1-schnell")).toMatchObject({
    model: { assistant_lora_path: "ostris/FLUX.1-schnell-training-adapter" },
    guidanceScale: 1,
    sampleSteps: 4,
  });
});

test("D23: SD 3.5 is trained and sampled as in ai-toolkit's example", () => {
  expect(knownModel("stabilityai/stable-diffusion-3.5-large")).toMatchObject({
    guidanceScale: 4,
    sampleSteps: 25,
    timestepType: "linear",
    resolution: [1024],
  });
});

test("D23: every architecture of ai-toolkit's own list is there", () => {
  expect(PRESETS.length).toBeGreaterThanOrEqual(54);
  const archs = PRESETS.map(({ arch }) => arch);
  for (const arch of [
    "zimage:turbo",
    "qwen_image_edit_plus:2511",
    "wan22_14b_i2v",
    "ltx2.5",
    "krea2:o_edit",
    "ace_step_15",
  ]) {
    expect(archs).toContain(arch);
  }
});

test("D22: models that need a token are marked", () => {
  const gated = PRESETS.filter((preset) => preset.gated).map(({ modelPath }) => modelPath);
  expect(gated).toContain("black-forest-labs/FLUX.1-dev");
  expect(gated).toContain("stabilityai/stable-diffusion-3.5-large");
  expect(gated).not.toContain("stable-diffusion-v1-5/stable-diffusion-v1-5");
});

test("names are unique, so that each preset can be chosen", () => {
  const names = PRESETS.map(({ name }) => name.toLowerCase());
  expect(new Set(names).size).toBe(names.length);
});

test("every figure of VRAM has somebody who said it, and there is none without", () => {
  for (const { name, minVramGb, vramSource } of PRESETS)
    expect(vramSource, name).toEqual(
      minVramGb === null ? null : expect.stringMatching(/examples|older server/),
    );
});

test("every edit model has room for control folders", () => {
  for (const { kind, controlFolders, name } of PRESETS) {
    if (kind === "edit") expect(controlFolders, name).toBeGreaterThan(0);
  }
});
