// From a claimed job to its process.
import type { ChildProcess } from "node:child_process";
import { type Environment, trainerEnvironment } from "../../trainer/environment.ts";
import { niceCommand, ownPriority, trainerPriority } from "../../trainer/priority.ts";
import type { Trainer } from "../../trainer/trainer.ts";
import { jobFolder } from "./job-folder.ts";
import { claimerOf, type Job } from "./job-store.ts";
import { launch } from "./process.ts";

export interface LaunchParts {
  readonly jobsPath: string;
  /** @throws ToolError trainer_missing */
  readonly trainer: () => Promise<Trainer>;
  readonly environment: Environment;
}

/** @throws when there is no trainer or the process cannot be made */
export async function launchJob(
  { jobsPath, trainer, environment }: LaunchParts,
  job: Job,
): Promise<ChildProcess> {
  const folder = jobFolder(jobsPath, job.id);
  const { command, cwd, environmentPrefixes } = await trainer();
  const own = await ownPriority();
  const priority = trainerPriority(own);
  const [program, ...rest] = [...niceCommand(own, priority), ...command, folder.config];
  return launch({
    command: [program ?? "", ...rest],
    cwd,
    env: trainerEnvironment(environment, { AITK_JOB_ID: job.id, ...visibleTo(job) }, environmentPrefixes),
    oomScoreAdjust: own.oomScoreAdjust < 0 ? priority.oomScoreAdjust : undefined,
    launcher: claimerOf(job),
    folder: folder.path,
  });
}

/**
 * What picks the GPU: the only way that ai-toolkit knows. By UUID, which stays the same card whatever the order; a card
 * without one goes by its index, which is nvidia-smi's because of CUDA_DEVICE_ORDER.
 */
function visibleTo({ gpu_uuid, gpu_index }: Job): Readonly<Record<string, string>> {
  if (gpu_uuid === null) return {}; // as the agent itself was given them
  return { CUDA_VISIBLE_DEVICES: gpu_uuid.startsWith("GPU-") ? gpu_uuid : String(gpu_index) };
}
