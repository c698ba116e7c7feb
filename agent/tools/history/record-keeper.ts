// Makes the records of ended jobs, once each, whoever was there when they ended.
import type { Job, JobStore } from "../training/job-store.ts";
import { sourceOf } from "../training/run.ts";
import { makeRecord, parseRecord, type RunRecord } from "./run-record.ts";

export interface RecordParts {
  readonly store: Pick<JobStore, "keepRecord" | "record">;
  readonly jobsPath: string;
}

/** The record of an ended job, from what it left behind. Its private config may be gone; then that of an earlier record stays. */
export async function recordJob({ store, jobsPath }: RecordParts, job: Job): Promise<void> {
  store.keepRecord(job, JSON.stringify(await freshRecord({ store, jobsPath }, job)));
}

async function freshRecord({ store, jobsPath }: RecordParts, job: Job): Promise<RunRecord> {
  return await makeRecord(job, await runConfigOf({ store, jobsPath }, job));
}

function earlierRecord(store: Pick<JobStore, "record">, id: string): RunRecord | undefined {
  const text = store.record(id);
  return text === undefined ? undefined : parseRecord(text);
}

/** The config that a job runs or ran with; null when it is not known any more. */
export async function runConfigOf({ store, jobsPath }: RecordParts, job: Job): Promise<RunRecord["config"]> {
  const config = await sourceOf(jobsPath, job).readConfig();
  return config ?? earlierRecord(store, job.id)?.config ?? null;
}

/** What was kept of an ended job; undefined while it goes on, and for the moment until its record is made. */
export function keptRecord(store: Pick<JobStore, "record">, job: Job): RunRecord | undefined {
  return isRecorded(job) ? earlierRecord(store, job.id) : undefined;
}

/** What was kept of an ended job, and what can be said of any other one by now. */
export async function recordOf(parts: RecordParts, job: Job): Promise<RunRecord> {
  return keptRecord(parts.store, job) ?? (await freshRecord(parts, job));
}

export function isRecorded({ finished_at, recorded_end }: Job): boolean {
  return finished_at !== null && recorded_end === finished_at;
}
