// A GPU that is slowed down, or not used at all.
import type { Check } from "./watched.ts";

const SLOWED = {
  thermal: "is too hot and runs slower",
  power_brake: "is slowed by its power supply",
  hardware: "is slowed by its hardware",
} as const;

export const gpuThrottling: Check = ({ gpu }) => {
  // At its power limit is where a training belongs.
  const reason = (["thermal", "power_brake", "hardware"] as const).find((each) =>
    gpu?.throttling?.includes(each),
  );
  if (!gpu || !reason) return undefined;
  const degrees = gpu.temperature_c === null ? "" : ` at ${gpu.temperature_c} °C`;
  return {
    code: "gpu_throttling",
    message: `GPU ${gpu.index} (${gpu.name}) ${SLOWED[reason]}${degrees}, so the steps take longer than they need.`,
    hint:
      reason === "thermal"
        ? "Better air and clean fans, or a lower power limit (nvidia-smi -pl), which costs little speed"
        : "Check the power supply and its cables; get_system_stats shows power and limit",
  };
};

/** What torch says while it is imported on a machine whose GPU it cannot use. */
const NO_CUDA = /No CUDA runtime is found|CUDA initialization: |Torch not compiled with CUDA enabled/;
/** Less than any process on a GPU needs for its CUDA context alone. */
const UNUSED_MIB = 100;

export const gpuMissing: Check = ({ trainer, phase, gpus, gpu, logHead, stepSeconds }) => {
  if (trainer === "rehearsal" || gpus.length === 0) return undefined;
  const trains = phase === "training" && stepSeconds !== null;
  const unused = (gpu ? [gpu] : gpus).every(
    ({ memory_used_mib: used, utilization_percent: busy }) =>
      used !== null && used < UNUSED_MIB && busy === 0,
  );
  if (!NO_CUDA.test(logHead) && !(trains && unused)) return undefined;
  return {
    code: "gpu_missing",
    message: "The run does not use the GPU and trains on the CPU, which takes very long.",
    hint: "Stop it; install a PyTorch with CUDA for this driver into the toolkit's venv, and look at CUDA_VISIBLE_DEVICES; get_system_stats shows the GPUs",
  };
};
