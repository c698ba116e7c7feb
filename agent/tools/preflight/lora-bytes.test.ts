import { expect, test } from "vitest";
import { PRESETS } from "../../../shared/presets.ts";
import { loraSize } from "./lora-bytes.ts";

const process = (model: object, network: object = { type: "lora", linear: 16 }, save?: object) => ({
  model,
  network,
  save,
});

// Files of these models that ai-toolkit's users publish, of 16 bits, to the million of bytes.
test.each([
  ["FLUX.1", { name_or_path: "black-forest-labs/FLUX.1-dev", arch: "flux" }, 16, 172],
  ["a copy of FLUX.1", { name_or_path: "/models/mine", is_flux: true }, 16, 172],
  ["SDXL", { name_or_path: "/models/x.safetensors", arch: "sdxl" }, 32, 170],
  ["Qwen-Image", { name_or_path: "Qwen/Qwen-Image", arch: "qwen_image" }, 16, 295],
  ["Wan 2.1 14B", { name_or_path: "Wan-AI/Wan2.1-T2V-14B-Diffusers", arch: "wan21" }, 32, 307],
  ["Z-Image", { name_or_path: "Tongyi-MAI/Z-Image-Turbo", arch: "zimage:turbo" }, 32, 170],
])("%s has the size of published files", (_, model, linear, megabytes) => {
  const { bytes, source } = loraSize(process(model, { linear }));
  expect(Math.round((bytes ?? 0) / 1e6)).toBe(megabytes);
  expect(source).toContain(`rank ${linear}`);
});

test("of two experts both halves count, and a save in 32 bits is twice as large", () => {
  const one = loraSize(process({ name_or_path: "Wan-AI/Wan2.1-T2V-14B-Diffusers", arch: "wan21:14b" }));
  const two = loraSize(process({ name_or_path: "x", arch: "wan22_14b:t2v" }));
  expect(two.bytes).toBe(2 * (one.bytes ?? 0));
  const float = loraSize(
    process({ name_or_path: "x", arch: "wan22_14b:t2v" }, { linear: 16 }, { dtype: "float32" }),
  );
  expect(float.bytes).toBe(2 * (two.bytes ?? 0));
});

test.each([
  ["a full fine-tune", process({ arch: "flux" }, {})],
  ["another kind of network", process({ arch: "flux" }, { type: "lokr", linear: 16 })],
  ["convolutions", process({ arch: "sdxl" }, { linear: 16, conv: 16 })],
  ["layers left out", process({ arch: "flux" }, { linear: 16, network_kwargs: { only_if_contains: ["x"] } })],
  ["a model nobody counted", process({ arch: "ltx2" })],
  ["one of several sizes", process({ name_or_path: "/models/wan", arch: "wan21" })],
  ["an unknown format", process({ arch: "flux" }, { linear: 16 }, { dtype: "fp4" })],
])("nobody knows beforehand: %s", (_, config) => {
  expect(loraSize(config)).toMatchObject({
    bytes: null,
    numbers: null,
    source: expect.stringMatching(/known|whole/),
  });
});

test("a preset that leaves layers out is counted without them", () => {
  const hidream = PRESETS.find(({ arch }) => arch === "hidream");
  const { bytes } = loraSize(
    process({ name_or_path: hidream?.modelPath, arch: "hidream" }, { linear: 16, ...hidream?.network }),
  );
  expect(bytes).toBe(2 * 16 * 3_756_032);
});
