// The id of a task that waits for a job. It says all there is to know of the task, so that any process with the same key
// finds it again; signed, for one caller only, so that nobody finds another's.
import * as v from "valibot";
import { type Seal, seal, unseal } from "./sealed.ts";

export interface Waiting {
  readonly jobId: string;
  /** Where the job is, if there were several machines to choose from. */
  readonly machine?: string | undefined;
  readonly createdMs: number;
}

const Written = v.tuple([v.string(), v.nullable(v.string()), v.number(), v.string()]);

const sealOf = (key: Seal["key"], caller: string): Seal => ({ key, purpose: "task", caller });

export function formatTaskId(key: Seal["key"], caller: string, task: Waiting): Promise<string> {
  // Two tasks for one job are two: one may be given up and the other not.
  const nonce = crypto.randomUUID().slice(0, 8);
  return seal(sealOf(key, caller), [task.jobId, task.machine ?? null, task.createdMs, nonce]);
}

/** undefined: it is none of this caller's. */
export async function parseTaskId(
  key: Seal["key"],
  caller: string,
  id: string,
): Promise<Waiting | undefined> {
  const [jobId, machine, createdMs] = (await unseal(sealOf(key, caller), Written, id)) ?? [];
  if (jobId === undefined || createdMs === undefined) return undefined;
  return { jobId, machine: machine ?? undefined, createdMs };
}
