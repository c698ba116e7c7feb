// How a run whose process is gone has ended, from everything it left behind.
import { join } from "node:path";
import { checkpointFacts } from "./checkpoint-facts.ts";
import { jobFolder } from "./job-folder.ts";
import type { Ending, Job } from "./job-store.ts";
import { tailLog } from "./log-file.ts";
import { parseProgress } from "./progress.ts";
import { listCheckpoints } from "./run-files.ts";
import { readReport } from "./trainer-report.ts";
import { verdict } from "./verdict.ts";

/** Lines of the log that a verdict is based on. */
const VERDICT_LINES = 300;

/**
 * @param exitCode null when the process is gone without a status
 * @param stopRequested asked for at the end: somebody may have asked while we looked, and our own wish counts
 */
export async function endingOf(
  jobsPath: string,
  job: Job,
  exitCode: number | null,
  stopRequested: () => boolean,
): Promise<Omit<Ending, "finished_at">> {
  const folder = jobFolder(jobsPath, job.id);
  const { lines } = await tailLog(folder.log, VERDICT_LINES);
  const report = readReport(folder.database, job.id);
  const checkpoints = await listCheckpoints(job.output_folder, job.name);
  const final = checkpoints.find(({ step, mtimeMs }) => step === null && mtimeMs >= startedMsOf(job));
  const found = verdict({
    exitCode,
    stopRequested: stopRequested(),
    reported: report?.status,
    finalFile: final !== undefined,
    resumable: checkpoints.length > 0,
    lines,
  });
  // Bars of toolkits from before August 2026 end one step short.
  const written = final && (await checkpointFacts(join(job.output_folder, final.name)));
  const shown = parseProgress(lines.join("\n"), job.name)?.step;
  const all = found.status === "completed" ? job.total_steps : null;
  const reached = written?.step ?? all ?? Math.max(report?.step ?? 0, shown ?? 0);
  return { ...found, exit_code: exitCode, final_step: reached };
}

/** When the run began, in milliseconds since 1970; files older than that are another run's. */
export function startedMsOf({ started_at, created_at }: Job): number {
  return Date.parse(started_at ?? created_at);
}
