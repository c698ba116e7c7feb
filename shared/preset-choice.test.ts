import { expect, test } from "vitest";
import { presetFor } from "./preset-choice.ts";
import { PRESETS } from "./presets.ts";

test("every preset is found by its name; by its path the first that has it", () => {
  for (const preset of PRESETS) {
    expect(presetFor({ model_name: preset.name }), preset.name).toMatchObject({
      preset,
      modelPath: preset.modelPath,
    });
    const sharing = PRESETS.find(({ modelPath }) => modelPath === preset.modelPath);
    expect(presetFor({ model_name: preset.modelPath.toUpperCase() }).preset.name).toBe(sharing?.name);
  }
});

test("without a model it is SD 1.5, or the model of the family that was said", () => {
  expect(presetFor({})).toMatchObject({
    modelPath: "stable-diffusion-v1-5/stable-diffusion-v1-5",
    warnings: [],
  });
  expect(presetFor({ is_flux: true }).modelPath).toBe("black-forest-labs/FLUX.1-dev");
  expect(presetFor({ is_xl: true }).modelPath).toBe("stabilityai/stable-diffusion-xl-base-1.0");
  expect(presetFor({ is_v3: true }).modelPath).toBe("stabilityai/stable-diffusion-3.5-large");
});

test("D22: the SD 1.5 that no longer exists becomes its living copy, and the answer says so", () => {
  const { preset, modelPath, warnings } = presetFor({ model_name: "runwayml/stable-diffusion-v1-5" });
  expect(preset.name).toBe("Stable Diffusion 1.5");
  expect(modelPath).toBe("stable-diffusion-v1-5/stable-diffusion-v1-5");
  expect(warnings).toEqual([expect.stringContaining("no longer exists")]);
});

test.each([
  ["someone/my-flux-merge", "Flux.1-dev"],
  ["someone/Flux-Schnell-fp8", "Flux.1-schnell"],
  ["/models/sdxl_vae_fix.safetensors", "Stable Diffusion XL"],
  ["cagliostrolab/animagine-xl-4.0", "Stable Diffusion XL"],
  ["SG161222/RealVisXL_V4.0", "Stable Diffusion XL"],
  ["/models/ponyDiffusionV6XL.safetensors", "Stable Diffusion XL"],
  ["someone/xl-base-copy", "Stable Diffusion XL"],
  ["someone/SD3-medium", "Stable Diffusion 3.5 Large"],
  ["stabilityai/stable-diffusion-3-medium-diffusers", "Stable Diffusion 3.5 Large"],
  ["stabilityai/Stable-Diffusion-3.5-Medium", "Stable Diffusion 3.5 Large"],
  ["Lykon/dreamshaper-8", "Stable Diffusion 1.5"],
  ["someone/stable-diffusion-2-1-base", "Stable Diffusion 2 base"],
  ["someone/stable-diffusion-2-1", "Stable Diffusion 2"],
])("an unknown model is taken for what its name says: %s", (model_name, name) => {
  const { preset, modelPath, warnings } = presetFor({ model_name });
  expect(preset.name).toBe(name);
  expect(modelPath).toBe(model_name);
  expect(warnings).toEqual([expect.stringContaining("is not a model this server knows")]);
});

test.each(["someone/pixlart-v2", "axl/portraits", "voxlab/model"])(
  'D21: "xl" inside a word is no SDXL: %s',
  (model_name) => {
    expect(presetFor({ model_name }).preset.name).toBe("Stable Diffusion 1.5");
  },
);

test("D21: SD3 is told in any case", () => {
  expect(presetFor({ model_name: "someone/SD3.5-Turbo" }).preset.name).toBe("Stable Diffusion 3.5 Large");
});

test("a flag that is true decides, over the name and over what is known, and a contradiction is told", () => {
  expect(presetFor({ model_name: "someone/mystery", is_xl: true })).toMatchObject({
    preset: { name: "Stable Diffusion XL" },
    modelPath: "someone/mystery",
    warnings: [],
  });
  expect(presetFor({ model_name: "someone/flux-schnell", is_flux: true }).preset.name).toBe("Flux.1-schnell");
  const contradiction = presetFor({ model_name: "Qwen/Qwen-Image", is_flux: true });
  expect(contradiction.preset.name).toBe("Flux.1-dev");
  expect(contradiction.warnings).toEqual([expect.stringContaining("is known as Qwen-Image")]);
  expect(presetFor({ is_flux: true, is_xl: true }).warnings).toEqual([
    "is_flux and is_xl cannot both be true; is_flux was used",
  ]);
});

test("a flag that is false forbids a guess", () => {
  expect(presetFor({ model_name: "someone/flux-like-style", is_flux: false }).preset.name).toBe(
    "Stable Diffusion 1.5",
  );
});

test("a client that sends all flags as false still gets the model it named", () => {
  const flags = { is_flux: false, is_xl: false, is_v3: false };
  expect(presetFor({ model_name: "Tongyi-MAI/Z-Image", ...flags })).toMatchObject({
    preset: { name: "Z-Image" },
    warnings: [],
  });
  const { preset, warnings } = presetFor({ model_name: "black-forest-labs/FLUX.1-dev", ...flags });
  expect(preset.name).toBe("Flux.1-dev");
  expect(warnings).toEqual(["is_flux: false was ignored: 'black-forest-labs/FLUX.1-dev' is Flux.1-dev"]);
});

test("a preset is also found by its arch, where only one has it", () => {
  expect(presetFor({ preset: "SD15", model_name: "/models/mine" })).toMatchObject({
    preset: { name: "Stable Diffusion 1.5" },
    modelPath: "/models/mine",
  });
  expect(presetFor({ preset: "qwen_image_edit" }).preset.name).toBe("Qwen-Image-Edit");
});
