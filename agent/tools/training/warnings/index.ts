// All checks, the gravest first.
import type { Warning } from "../../../../shared/tools/training.ts";
import { diskForecast } from "./disk.ts";
import { gpuMissing, gpuThrottling } from "./gpu.ts";
import { lossBlowUp, nanLoss } from "./loss.ts";
import { outOfMemory } from "./memory.ts";
import { stall } from "./stall.ts";
import type { Watched } from "./watched.ts";

const CHECKS = [nanLoss, stall, diskForecast, gpuMissing, lossBlowUp, outOfMemory, gpuThrottling] as const;

/** What a run has ended with stays true of what it has made; the rest is over. */
const AFTER_THE_END = [nanLoss, lossBlowUp] as const;

export function warningsOf(watched: Watched): Warning[] {
  const checks = watched.phase === "ended" ? AFTER_THE_END : CHECKS;
  return checks.flatMap((check) => check(watched) ?? []);
}
