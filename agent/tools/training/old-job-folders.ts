// Removes what jobs that ended long ago have left in their private folders: logs, above all. Their records stay.
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { isMissing } from "../../files/sandbox.ts";
import { isRecorded } from "../history/record-keeper.ts";
import type { Job, JobStore } from "./job-store.ts";
import type { LogLimits } from "./log-limits.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A folder without a job may be one that is being made this moment. */
const UNRECORDED_MS = 60 * 60 * 1000;

export interface OldJobFolders {
  readonly jobsPath: string;
  readonly store: Pick<JobStore, "get">;
  readonly limits: Pick<LogLimits, "keepDays" | "totalBytes">;
  readonly signal: AbortSignal;
  readonly now?: number;
}

interface Kept {
  readonly path: string;
  readonly bytes: number;
  /** Milliseconds since 1970; null for a job that has not ended: nothing of it is removed. */
  readonly endedMs: number | null;
}

/** Returns how many went. */
export async function removeOldJobFolders({
  jobsPath,
  store,
  limits,
  signal,
  now = Date.now(),
}: OldJobFolders): Promise<number> {
  let removed = 0;
  const remove = async (path: string) => {
    await rm(path, { recursive: true, force: true });
    removed += 1;
  };
  const kept: Kept[] = [];
  for (const id of await readdir(jobsPath)) {
    if (signal.aborted) return removed;
    const path = join(jobsPath, id);
    const job = store.get(id);
    const endedMs = job ? endedMsOf(job) : await madeMs(path);
    if (endedMs !== null && now - endedMs >= (job ? limits.keepDays * DAY_MS : UNRECORDED_MS))
      await remove(path);
    else kept.push({ path, bytes: await bytesIn(path), endedMs: job ? endedMs : null });
  }
  let total = kept.reduce((sum, { bytes }) => sum + bytes, 0);
  const ended = kept.filter(({ endedMs }) => endedMs !== null);
  for (const { path, bytes } of ended.sort((a, b) => (a.endedMs ?? 0) - (b.endedMs ?? 0))) {
    if (signal.aborted || total <= limits.totalBytes) break;
    await remove(path);
    total -= bytes;
  }
  return removed;
}

/** null: it goes on, or its record, which needs its private config, is not made yet. */
function endedMsOf(job: Job): number | null {
  return job.finished_at === null || !isRecorded(job) ? null : Date.parse(job.finished_at);
}

/** null: gone meanwhile. */
async function madeMs(path: string): Promise<number | null> {
  return (await lstat(path).catch(missing))?.mtimeMs ?? null;
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of (await readdir(folder).catch(missing)) ?? []) {
    const entry = await lstat(join(folder, name)).catch(missing);
    if (entry?.isFile()) bytes += entry.size;
  }
  return bytes;
}

function missing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
