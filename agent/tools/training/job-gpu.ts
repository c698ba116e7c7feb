// Which of the machine's GPUs a run trains on.
import type * as v from "valibot";
import type { Gpu } from "../../../shared/tools/system.ts";
import type { getTrainingStatus } from "../../../shared/tools/training.ts";

/**
 * `given`: the GPU that the queue gave the run, by its UUID, for indices change with a reboot. Undefined when it is not
 * known, or shows no figures.
 */
export function gpuOf(given: { readonly uuid: string } | null, gpus: readonly Gpu[]): Gpu | undefined {
  // Given none, it may be any of several.
  if (!given) return gpus.length === 1 ? gpus[0] : undefined;
  return gpus.find(({ uuid }) => uuid === given.uuid);
}

type RunGpu = v.InferInput<(typeof getTrainingStatus)["output"]>["gpu"];

/** As a status tells it. */
export function gpuFigures(gpu: Gpu): RunGpu {
  return {
    index: gpu.index,
    uuid: gpu.uuid,
    name: gpu.name,
    utilization_percent: gpu.utilization_percent,
    vram_used_mib: gpu.memory_used_mib,
    vram_total_mib: gpu.memory_total_mib,
    temperature_c: gpu.temperature_c,
    power_w: gpu.power_w,
    throttling: gpu.throttling,
  };
}
