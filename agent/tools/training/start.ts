// From a config's name to a job in the queue. All that can be known beforehand is checked before anything is written.
import { randomUUID } from "node:crypto";
import { rm } from "node:fs/promises";
import { softError, ToolError } from "../../../shared/errors.ts";
import type { Trainer } from "../../trainer/trainer.ts";
import { jobFolder, prepareJobFolder } from "./job-folder.ts";
import type { Job, JobStore } from "./job-store.ts";
import { toRunConfig } from "./run-config.ts";
import { listCheckpoints } from "./run-files.ts";

export interface ConfigToRun {
  /** The parsed file. */
  readonly value: unknown;
  /** What keeps it from running, as validate_config says it. */
  readonly errors: readonly string[];
  readonly warnings: readonly string[];
}

export interface StartParts {
  readonly store: JobStore;
  readonly jobsPath: string;
  /** What relative paths in a config are relative to, as validate_config takes them: the data folder. */
  readonly root: string;
  /** @throws ToolError trainer_missing */
  readonly trainer: () => Promise<Trainer>;
  /** @throws ToolError when there is no such config or it cannot be read */
  readonly readConfig: (name: string) => Promise<ConfigToRun>;
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

async function refuseForeignCheckpoints(outputFolder: string, run: string, resume: boolean): Promise<void> {
  const [newest] = await listCheckpoints(outputFolder, run);
  if (!newest || resume) return;
  const at = newest.step === null ? "the finished model" : `step ${newest.step}`;
  throw softError(
    "conflict",
    `${outputFolder} already holds ${newest.name}; the trainer would go on from there (${at}) instead of starting anew`,
    { checkpoint: newest.name, step: newest.step },
    "Pass resume: true to go on from it, use a configuration with another name, or move the folder away",
  );
}

export async function queueJob(
  { store, jobsPath, root, trainer: resolve, readConfig, now }: StartParts,
  { config, resume }: { readonly config: string; readonly resume: boolean },
): Promise<{ readonly job: Job; readonly warnings: readonly string[] }> {
  const { value, errors, warnings } = await readConfig(config);
  const trainer = await resolve();
  if (errors.length > 0) {
    throw new ToolError("invalid_input", `'${config}' cannot be trained: ${errors.join("; ")}`, {
      hint: "Mend the configuration; validate_config lists everything it finds",
    });
  }
  const id = randomUUID();
  const folder = jobFolder(jobsPath, id);
  const run = toRunConfig(value, {
    root,
    databasePath: folder.database,
    reports: trainer.reports,
  });
  const running = store
    .unfinished()
    .find((job) => job.config === config || job.output_folder === run.outputFolder);
  if (running) throw busy(running.id, config);
  await refuseForeignCheckpoints(run.outputFolder, run.name, resume);
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
  return { job, warnings };
}
