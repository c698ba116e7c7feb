// From a config's name to a job in the queue. All that can be known beforehand is checked before anything is written.
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { softError, ToolError } from "../../../shared/errors.ts";
import { chooseGpu } from "../../gpus/choice.ts";
import type { GpuSnapshot } from "../../gpus/gpu.ts";
import type { GpuWatch } from "../../gpus/gpu-watch.ts";
import type { Request } from "../preflight/facts.ts";
import type { Report } from "../preflight/preflight.ts";
import { refusalOf } from "../preflight/refusal.ts";
import { speedKey } from "../queue/speed.ts";
import { FRESH_MS } from "../queue/starter.ts";
import { jobFolder, prepareJobFolder } from "./job-folder.ts";
import type { Job, JobStore } from "./job-store.ts";
import { toRunConfig } from "./run-config.ts";

export interface StartParts {
  readonly store: JobStore;
  readonly jobsPath: string;
  readonly gpus: GpuWatch;
  /** What relative paths in a config are relative to, as validate_config takes them: the data folder. */
  readonly root: string;
  /** @throws ToolError when there is no such config or it cannot be read */
  readonly preflight: (request: Request) => Promise<Report>;
  readonly now: () => Date;
}

function busy(id: string, config: string): ToolError {
  return softError(
    "conflict",
    `Job ${id} already runs '${config}' or writes to the same folder`,
    { job_id: id },
    "Wait for it or stop it; for a second run at the same time copy the configuration under another name",
  );
}

export interface Started {
  readonly job: Job;
  readonly warnings: readonly string[];
  /** The step it goes on from; null when it begins at 0, or nobody can say. */
  readonly resumesFrom: number | null;
}

export interface StartWish {
  readonly config: string;
  readonly resume: boolean;
  /** "auto", an index, or a UUID. */
  readonly gpu: string | number;
  /** Queue it, but do not start it. */
  readonly hold: boolean;
  /** Warnings do not keep it from starting, nor do other people's programs on the GPU. */
  readonly force: boolean;
}

/** An answer must not wait longer for a driver that has to wake up first. */
export const GPUS_WAIT_MS = 4_000;

/** May runs here get a GPU of their own, now or when the driver is well again? */
const sharesGpus = (snapshot: GpuSnapshot | undefined) =>
  snapshot?.kind !== "own" && snapshot?.kind !== "none";

/** `device: cuda:1` in a config has been the way to choose a GPU. */
const gpuNamed = (index: number | null, snapshot: GpuSnapshot | undefined) =>
  index === null || !sharesGpus(snapshot) ? null : chooseGpu(index, snapshot);

export async function queueJob(
  { store, jobsPath, gpus, root, preflight, now }: StartParts,
  { config, resume, gpu, hold, force }: StartWish,
): Promise<Started> {
  const snapshot = await gpus.within(FRESH_MS, GPUS_WAIT_MS);
  const asked = chooseGpu(gpu, snapshot);
  const report = await preflight({ config, resume, gpu: asked });
  const refusal = refusalOf(config, report, force);
  if (refusal) throw refusal;
  const { trainer, value, checks, will } = report;
  if (!trainer) throw new ToolError("trainer_missing", "There is no trainer");
  const id = randomUUID();
  const folder = jobFolder(jobsPath, id);
  const run = toRunConfig(value, {
    root,
    databasePath: folder.database,
    reports: trainer.reports,
    oneGpu: sharesGpus(snapshot),
  });
  const wishedGpu = asked ?? gpuNamed(run.gpuIndex, snapshot);
  await prepareJobFolder(folder, id, run.value);
  const other = store.add({
    id,
    config,
    name: run.name,
    trainer: trainer.kind,
    total_steps: run.totalSteps,
    output_folder: run.outputFolder,
    dataset_folders: run.datasetFolders,
    requests: run.reports ? trainer.requests : [],
    created_at: now().toISOString(),
    wished_gpu: wishedGpu,
    held: hold,
    forced: force,
    speed_key: speedKey(run.value, trainer.kind),
    first_step: resume ? will.resumes_from_step : 0,
  });
  const job = other === undefined ? store.get(id) : undefined;
  if (!job) {
    await rm(folder.path, { recursive: true, force: true });
    throw busy(other ?? id, config);
  }
  const warnings = checks.filter(({ level }) => level === "warning").map(({ text }) => text);
  return { job, warnings, resumesFrom: will.resumes_from_step };
}
