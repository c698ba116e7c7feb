import { expect, test } from "vitest";
import type { Gpu } from "../../../shared/tools/system.ts";
import { gpuOf } from "./job-gpu.ts";

const gpu = (index: number): Gpu => ({
  index,
  uuid: `GPU-${index}`,
  name: "NVIDIA H200",
  utilization_percent: 90,
  memory_used_mib: 1,
  memory_total_mib: 2,
  temperature_c: 50,
  power_w: 100,
  power_limit_w: 200,
  throttling: [],
});

test.each([
  [{ uuid: "GPU-0" }, [0, 1], 0],
  [{ uuid: "GPU-1" }, [0, 1], 1],
  [{ uuid: "GPU-7" }, [0, 1], undefined],
  [null, [0], 0],
  [null, [0, 1], undefined],
  [null, [], undefined],
])("a run given %j on a machine with GPUs %j uses %s", (given, indices, used) => {
  expect(gpuOf(given, indices.map(gpu))?.index).toBe(used);
});
