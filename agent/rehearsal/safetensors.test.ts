import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loraTensors } from "./lora.ts";
import { archOf, baseModelVersion } from "./models.ts";
import { type Dtype, encodeFloats, readSafetensors, writeSafetensors } from "./safetensors.ts";

test.each([
  ["F32", [1, -0.5, 0.1], [0x3f800000, 0xbf000000, 0x3dcccccd]],
  ["F16", [1, -0.5, 4, 65504, 1e9, 1e-9], [0x3c00, 0xb800, 0x4400, 0x7bff, 0x7bff, 0]],
  ["BF16", [1, -0.5, 3], [0x3f80, 0xbf00, 0x4040]],
  ["F8_E4M3", [1, -0.5, 2], [0x38, 0xb0, 0x40]],
] as const)("%s numbers are encoded as IEEE wants them", (dtype, values, bits) => {
  const bytes = Buffer.from(encodeFloats(values, values.length, dtype));
  const size = bytes.length / values.length;
  expect(values.map((_, index) => bytes.readUIntLE(index * size, size))).toEqual([...bits]);
});

test("a file says of itself what was put in, and notices when it is cut", async () => {
  const folder = mkdtempSync(join(tmpdir(), "safetensors-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "x.safetensors");
  const tensors = loraTensors({ arch: "flux", rank: 8, alpha: 8 }, "BF16", "seed");
  let half = 0;
  await writeSafetensors(path, { rehearsal: "true" }, tensors, async () => {
    expect(readSafetensors(path).complete).toBe(false);
    half = readFileSync(path).length;
  });
  expect(readSafetensors(path)).toMatchObject({ complete: true, metadata: { rehearsal: "true" } });
  const bytes = readFileSync(path);
  const headerLength = Number(bytes.readBigUInt64LE());
  expect(headerLength % 8).toBe(0);
  expect(half).toBeLessThan(bytes.length);
  const header = JSON.parse(bytes.toString("utf8", 8, 8 + headerLength));
  expect(header["transformer.transformer_blocks.0.attn.to_q.lora_A.weight"]).toMatchObject({
    dtype: "BF16",
    shape: [8, 64],
  });
  expect(Object.keys(header).some((name) => name.endsWith("alpha"))).toBe(false);
});

test("size grows with the rank, and the same seed gives the same weights", () => {
  const sizeOf = (rank: number) =>
    loraTensors({ arch: "zimage", rank, alpha: rank }, "F16", "s").reduce(
      (sum, { data }) => sum + data.length,
      0,
    );
  expect(sizeOf(32)).toBe(2 * sizeOf(16));
  const once = (seed: string, dtype: Dtype = "F16") =>
    loraTensors({ arch: "sdxl", rank: 4, alpha: 1 }, dtype, seed);
  expect(once("a")).toEqual(once("a"));
  expect(once("a")).not.toEqual(once("b"));
});

const noFlags = {
  is_flux: false,
  is_xl: false,
  is_v2: false,
  is_v3: false,
  is_pixart: false,
  is_pixart_sigma: false,
  is_auraflow: false,
  is_lumina2: false,
  is_ssd: false,
  is_vega: false,
};

test.each([
  [{ ...noFlags, arch: null }, "sd_1.5"],
  [{ ...noFlags, arch: null, is_flux: true }, "flux.1"],
  [{ ...noFlags, arch: "sdxl", is_flux: true }, "sdxl_1.0"],
  [{ ...noFlags, arch: "flex1" }, "flux.1"],
  [{ ...noFlags, arch: "sd3" }, "sd_3"],
  [{ ...noFlags, arch: "wan22_14b:t2v" }, "wan_2.2_14b"],
  [{ ...noFlags, arch: "qwen_image:2512" }, "qwen_image"],
  [{ ...noFlags, arch: "zimage" }, "zimage"],
  [{ ...noFlags, arch: "never heard of" }, "sd_1.5"],
])("%o counts as %s", (model, version) => {
  expect(baseModelVersion(archOf(model))).toBe(version);
});
