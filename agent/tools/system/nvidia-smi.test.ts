import { expect, test } from "vitest";
import { parseGpuLine, throttlingOf } from "./nvidia-smi.ts";

const UUID = "GPU-5c2d2c1e-7a9c-3b1c-9f0e-2b8f0d6f1a11";

test("a line of nvidia-smi is a GPU", () => {
  expect(parseGpuLine(`0, ${UUID}, NVIDIA GeForce RTX 4090, 24564, 1024, 97, 66, 412.31, 450.00`)).toEqual({
    index: 0,
    uuid: UUID,
    name: "NVIDIA GeForce RTX 4090",
    memory_total_mib: 24564,
    memory_used_mib: 1024,
    utilization_percent: 97,
    temperature_c: 66,
    power_w: 412.31,
    power_limit_w: 450,
    reasons: null,
  });
});

test("an idle GPU has figures of 0, not none", () => {
  const gpu = parseGpuLine(`1, ${UUID}, NVIDIA H200, 143771, 0, 0, 31, 0.00, 700.00`);
  expect(gpu).toMatchObject({ memory_used_mib: 0, utilization_percent: 0, power_w: 0 });
});

test("what the driver does not know is null", () => {
  const gpu = parseGpuLine(`0, ${UUID}, NVIDIA GB10, [N/A], [Not Supported], [Unknown Error], 40, ERR!, N/A`);
  expect(gpu).toMatchObject({
    memory_total_mib: null,
    memory_used_mib: null,
    utilization_percent: null,
    temperature_c: 40,
    power_w: null,
    power_limit_w: null,
  });
});

test("commas in a name stay in the name", () => {
  expect(parseGpuLine(`0, ${UUID}, Graphics Device, Rev. B, 1000, 1, 2, 3, 4, 5`)?.name).toBe(
    "Graphics Device, Rev. B",
  );
});

test.each([
  "No devices were found",
  "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
  "",
  "x, y, z, 1, 2, 3, 4, 5, 6",
  `0, ${UUID}, 24564, 1024, 97, 66, 412.31, 450.00`,
])("a line that is no GPU is none: %j", (line) => {
  expect(parseGpuLine(line)).toBeUndefined();
});

test.each([
  ["0x0000000000000024", 0x24],
  ["0x0", 0],
  ["[N/A]", null],
])("the reasons for slower clocks are the last column: %s", (mask, reasons) => {
  const line = `0, ${UUID}, Graphics Device, Rev. B, 24564, 1024, 97, 66, 412.31, 450.00, ${mask}`;
  expect(parseGpuLine(line, true)).toMatchObject({
    name: "Graphics Device, Rev. B",
    power_limit_w: 450,
    reasons,
  });
});

test.each([
  [0x01, []],
  [0x02, []],
  [0x04, ["power_cap"]],
  [0x68, ["hardware", "thermal"]],
  [0x80, ["power_brake"]],
])("clock event reasons %i mean %j", (mask, reasons) => {
  expect(throttlingOf(mask)).toEqual(reasons);
});
