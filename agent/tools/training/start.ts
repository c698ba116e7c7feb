// From a config's name to a job in the queue. All that can be known beforehand is checked before anything is written.
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { softError, ToolError } from "../../../shared/errors.ts";
import type { Request } from "../preflight/facts.ts";
import type { Report } from "../preflight/preflight.ts";
import { refusalOf } from "../preflight/refusal.ts";
import { jobFolder, prepareJobFolder } from "./job-folder.ts";
import type { Job, JobStore } from "./job-store.ts";
import { toRunConfig } from "./run-config.ts";

export interface StartParts {
  readonly store: JobStore;
  readonly jobsPath: string;
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

export interface Start {
  readonly config: string;
  readonly resume: boolean;
  /** Warnings do not keep it from starting. */
  readonly force: boolean;
}

export interface Started {
  readonly job: Job;
  readonly warnings: readonly string[];
  /** The step it goes on from; null when it begins at 0, or nobody can say. */
  readonly resumesFrom: number | null;
}

export async function queueJob(
  { store, jobsPath, root, preflight, now }: StartParts,
  { config, resume, force }: Start,
): Promise<Started> {
  const report = await preflight({ config, resume, gpu: undefined });
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
  });
  await prepareJobFolder(folder, id, run.value);
  const other = store.add({
    id,
    config,
    name: run.name,
    trainer: trainer.kind,
    total_steps: run.totalSteps,
    output_folder: run.outputFolder,
    dataset_folders: run.datasetFolders,
    created_at: now().toISOString(),
  });
  const job = other === undefined ? store.get(id) : undefined;
  if (!job) {
    await rm(folder.path, { recursive: true, force: true });
    throw busy(other ?? id, config);
  }
  const warnings = checks.filter(({ level }) => level === "warning").map(({ text }) => text);
  return { job, warnings, resumesFrom: will.resumes_from_step };
}
