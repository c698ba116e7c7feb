import { expect, test } from "vitest";
import { ARCHS } from "../configs/known-values.ts";
import { baseVersion } from "./base-version.ts";
import { agreed, presetsOf } from "./preset-of.ts";

const names = (model: Record<string, unknown>) => presetsOf(model).map(({ name }) => name);

test.each([
  [{ name_or_path: "tongyi-mai/z-image", arch: "zimage" }, ["Z-Image"]],
  [{ name_or_path: "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", arch: "wan21" }, ["Wan 2.1 (1.3B)"]],
  [{ name_or_path: "/a/copy", arch: "wan21:14b" }, ["Wan 2.1 (14B)"]],
  [{ name_or_path: "Comfy-Org/MiniMax-H3", arch: "minimax_h3_ref2va" }, ["MiniMax-H3 Ref2V"]],
  [{ name_or_path: "/a/copy", is_flux: true }, ["Flux.1-dev", "Flux.1-schnell"]],
  [{ name_or_path: "krea/Krea-2-Raw", arch: "krea2:o_edit" }, ["Krea 2 (raw) [Edit Training]"]],
  [{ name_or_path: "/a/copy" }, ["Stable Diffusion 1.5"]],
  [{ arch: "of tomorrow" }, []],
])("%j", (model, expected) => {
  expect(names(model)).toEqual(expected);
});

test("what they do not agree on is unknown", () => {
  const wan = presetsOf({ arch: "wan21" });
  expect(agreed(wan, ({ minVramGb }) => minVramGb)).toBe(24);
  expect(agreed(wan, ({ arch }) => arch)).toBeUndefined();
  expect(agreed([], ({ arch }) => arch)).toBeUndefined();
});

test("every arch we know has its word in the checkpoints, but for one nobody looked at", () => {
  for (const arch of ARCHS)
    expect(baseVersion(arch), arch).toEqual(arch === "pixart_sigma" ? undefined : expect.any(String));
  expect(baseVersion("qwen_image_edit_plus")).toBe("qwen_image");
  expect(baseVersion("krea2")).toBe("krea2");
  expect(baseVersion("of tomorrow")).toBeUndefined();
});
