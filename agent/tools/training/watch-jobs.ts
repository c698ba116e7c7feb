// Answers a router when a job is not as it was. Nothing is looked at while nobody asks.

import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { Handlers } from "../../../shared/contract.ts";
import type { WatchedJobs, watchJobs } from "../../../shared/tools/watching.ts";
import type { JobStore } from "./job-store.ts";
import type { StatusReader } from "./status.ts";

/** How often the jobs are looked at: steps that come faster are told together. */
const LOOK_MS = 1_000;
/** The longest wait for an answer; well below what a call may take. */
const HOLD_MS = 25_000;

export interface WatchParts {
  readonly store: Pick<JobStore, "unfinished">;
  readonly reader: StatusReader;
}

async function look({ store, reader }: WatchParts): Promise<WatchedJobs> {
  const seen = store.unfinished().map(async (job) => {
    if (job.status === "pending") {
      const { phase, queue_position } = await reader.summary(job);
      return [job.id, { state: `${phase} ${queue_position}`, samples: 0 }] as const;
    }
    const { phase, step, samples, last_checkpoint } = await reader.status(job);
    return [job.id, { state: `${phase} ${step} ${last_checkpoint?.step}`, samples }] as const;
  });
  return Object.fromEntries(await Promise.all(seen));
}

export const watchHandlers = (parts: WatchParts): Handlers<readonly [typeof watchJobs]> => ({
  async watch_jobs({ jobs: known }, { signal }) {
    const end = performance.now() + HOLD_MS;
    for (;;) {
      const jobs = await look(parts);
      if (!isDeepStrictEqual(jobs, known) || performance.now() >= end || signal.aborted) return { jobs };
      await delay(LOOK_MS, undefined, { signal }).catch(() => {}); // nobody asks any more
    }
  },
});
