import { expect, test } from "vitest";
import { ToolError } from "../../shared/errors.ts";
import { chooseGpu } from "./choice.ts";
import type { GpuSnapshot, GpuState } from "./gpu.ts";

const gpu = (index: number, uuid: string): GpuState => ({
  index,
  uuid,
  name: "NVIDIA GeForce RTX 4090",
  totalMib: 24_564,
  usedMib: 0,
  freeMib: 24_564,
  apps: [],
});
const TWO: GpuSnapshot = { kind: "gpus", gpus: [gpu(0, "GPU-aa"), gpu(2, "GPU-cc")] };

test.each([
  ["auto", null],
  ["", null],
  [0, "GPU-aa"],
  ["2", "GPU-cc"],
  [" cuda:2 ", "GPU-cc"],
  ["GPU-aa", "GPU-aa"],
])("%j is %j", (given, uuid) => {
  expect(chooseGpu(given, TWO)).toBe(uuid);
});

test.each([
  [1, /There is no GPU '1'/],
  [-1, /There is no GPU '-1'/],
  ["GPU-", /There is no GPU 'GPU-'/],
  ["0,2", /one GPU, not on '0,2'/],
  ["x".repeat(10_000), /There is no GPU 'x{60}'/],
])("%j is refused, and those that there are named", (given, message) => {
  const choose = () => chooseGpu(given, TWO);
  expect(choose).toThrow(message);
  expect(choose).toThrow(
    expect.objectContaining({
      code: "invalid_input",
      hint: expect.stringContaining("GPU 0 (RTX 4090) = GPU-aa, GPU 2 (RTX 4090) = GPU-cc"),
    }),
  );
});

test("where there is none, auto is the only choice", () => {
  const none: GpuSnapshot = { kind: "none", note: "There is no NVIDIA driver on this machine" };
  expect(chooseGpu("auto", none)).toBeNull();
  expect(() => chooseGpu(0, none)).toThrow("There is no NVIDIA driver on this machine");
  expect(() => chooseGpu(0, undefined)).toThrow(ToolError);
});
