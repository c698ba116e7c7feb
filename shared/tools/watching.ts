// Contract of the call by which a router hears of jobs while somebody listens to them.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Whole } from "../fields.ts";

/** How a job stood. Different texts: something has changed. */
const Seen = v.object({ state: v.string(), samples: Whole });
/** By job id. */
const Jobs = v.record(v.string(), Seen);
export type WatchedJobs = v.InferOutput<typeof Jobs>;

export const watchJobs = defineTool({
  name: "watch_jobs",
  title: "Watch jobs",
  description:
    "The jobs that have not ended, as soon as they are not as `jobs` says, or after a while. Between router and agent.",
  scope: "read",
  effect: "read",
  /** Without `jobs` it is answered at once. */
  input: v.object({ jobs: v.optional(Jobs) }),
  output: v.object({ jobs: Jobs }),
});
