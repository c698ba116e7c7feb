// Everything about the machine and the data that is checked before a training may start.
import { DATA_CHECKS } from "./data-checks.ts";
import { DISK_CHECKS } from "./disk-checks.ts";
import { GPU_CHECKS } from "./gpu-checks.ts";
import type { MachineCheck } from "./machine-check.ts";
import { MODEL_CHECKS } from "./model-checks.ts";
import { OUTPUT_CHECKS } from "./output-checks.ts";
import { TRAINER_CHECKS } from "./trainer-checks.ts";

export const MACHINE_CHECKS: readonly MachineCheck[] = [
  ...TRAINER_CHECKS,
  ...OUTPUT_CHECKS,
  ...DATA_CHECKS,
  ...MODEL_CHECKS,
  ...GPU_CHECKS,
  ...DISK_CHECKS,
];
