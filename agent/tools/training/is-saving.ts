// Whether a checkpoint is being written this moment.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { checkpointFacts } from "./checkpoint-facts.ts";
import { startedMsOf } from "./ending.ts";
import type { JobFolder } from "./job-folder.ts";
import type { Job } from "./job-store.ts";
import { readEdges } from "./log-file.ts";
import { listCheckpoints } from "./run-files.ts";
import { isSavingInfo } from "./save-decision.ts";
import { readReport } from "./trainer-report.ts";

/** How much of the log is searched for the last word on a save. */
const LOG_BYTES = 16 * 1024;

export async function isSaving({ database, log }: JobFolder, job: Job): Promise<boolean> {
  const report = readReport(database, job.id);
  // A row that cannot be read this moment may say so: cutting off a checkpoint is worse than waiting.
  if (!report) return existsSync(database);
  if (report.info !== "") return isSavingInfo(report.info);
  // It does not report: an older toolkit, or one that has not come that far.
  return (await logSaysSaving(log)) || (await isHalfWritten(job));
}

async function logSaysSaving(path: string): Promise<boolean> {
  const { tail: text } = await readEdges(path, { headBytes: 0, tailBytes: LOG_BYTES });
  const done = Math.max(
    text.lastIndexOf("Saved optimizer to "),
    text.lastIndexOf("Could not save optimizer"),
  );
  return text.lastIndexOf("Saving at step ") > done;
}

/** The last file of a run is announced only when it is there. */
async function isHalfWritten(job: Job): Promise<boolean> {
  const [newest] = await listCheckpoints(job.output_folder, job.name);
  if (!newest || newest.mtimeMs < startedMsOf(job)) return false;
  return Boolean((await checkpointFacts(join(job.output_folder, newest.name)))?.problem);
}
