import { expect, test } from "vitest";
import { driverCuda, indexFlags, torchIndex, torchPackages } from "./torch.ts";

test("what the driver knows is read from nvidia-smi's head", () => {
  expect(driverCuda("| NVIDIA-SMI 570.86   Driver Version: 570.86   CUDA Version: 12.8 |")).toEqual([12, 8]);
  expect(driverCuda("No devices were found")).toBeUndefined();
});

test.each([
  [[13, 2], "cu130"],
  [[12, 9], "cu128"],
  [[12, 6], "cu126"],
  [undefined, "cpu"],
] as const)("a driver for CUDA %j gets the build %s", (cuda, build) => {
  expect(torchIndex(cuda)).toBe(`https://download.pytorch.org/whl/${build}`);
});

test("a driver that is too old is said", () => {
  expect(() => torchIndex([12, 2])).toThrow("update the driver");
});

test("torch's versions are those of the toolkit's README", () => {
  const readme =
    "Linux:\npip3 install --no-cache-dir torch==2.13.0 torchvision==0.28.0 torchaudio==2.11.0 --index-url x\n";
  expect(torchPackages(readme)).toEqual(["torch==2.13.0", "torchvision==0.28.0", "torchaudio==2.11.0"]);
  expect(torchPackages("")).toEqual(["torch", "torchvision", "torchaudio"]);
});

test("pip's own index is used by naming none", () => {
  expect(indexFlags("pip")).toEqual([]);
  expect(indexFlags("https://mirror.example.org/simple")).toEqual([
    "--index-url",
    "https://mirror.example.org/simple",
  ]);
});
