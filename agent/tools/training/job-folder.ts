// A job's private folder: what the trainer is given, and what it leaves behind for us.
import { mkdir, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { JobStore } from "./job-store.ts";
import { createReportDatabase } from "./trainer-report.ts";

export interface JobFolder {
  readonly path: string;
  /** The private config, JSON. */
  readonly config: string;
  /** Both output streams of the trainer, as they came. */
  readonly log: string;
  /** The trainer's `Job` row. */
  readonly database: string;
}

export function jobFolder(jobsPath: string, id: string): JobFolder {
  const path = join(jobsPath, id);
  return {
    path,
    config: join(path, "config.json"),
    log: join(path, "log.txt"),
    database: join(path, "job.db"),
  };
}

/** Makes the folder with all that a trainer needs, or leaves nothing. */
export async function prepareJobFolder(folder: JobFolder, id: string, config: unknown): Promise<void> {
  await mkdir(folder.path, { mode: 0o700 });
  try {
    await writeFile(folder.config, JSON.stringify(config, null, 2), { mode: 0o600 });
    await writeFile(folder.log, "", { mode: 0o600 });
    createReportDatabase(folder.database, id);
  } catch (error) {
    await rm(folder.path, { recursive: true, force: true });
    throw error;
  }
}

/** How long the log and the private config of a finished job are kept. Its record stays. */
export const KEEP_DAYS = 90;
const KEEP_MS = KEEP_DAYS * 24 * 60 * 60 * 1000;
/** A folder without a record may be one that is being made this moment. */
const UNRECORDED_MS = 60 * 60 * 1000;

/** Removes folders of jobs that ended long ago or were never recorded. Returns how many went. */
export async function removeOldJobFolders(
  jobsPath: string,
  store: Pick<JobStore, "get">,
  signal: AbortSignal,
  now: number = Date.now(),
): Promise<number> {
  let removed = 0;
  for (const id of await readdir(jobsPath)) {
    if (signal.aborted) break;
    const { path } = jobFolder(jobsPath, id);
    const job = store.get(id);
    const age = now - (job ? Date.parse(job.finished_at ?? "") : (await stat(path)).mtimeMs);
    // An unfinished job has no age.
    if (Number.isNaN(age) || age < (job ? KEEP_MS : UNRECORDED_MS)) continue;
    await rm(path, { recursive: true, force: true });
    removed += 1;
  }
  return removed;
}
