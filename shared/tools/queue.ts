// Contracts of the queue's tools, and the words in which jobs tell of their place in it.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Count, JobId, OneOf, output, Success, Time, Whole } from "../fields.ts";

export const GpuChoice = v.pipe(
  v.union([v.pipe(v.string(), v.maxLength(200)), v.number()]),
  v.description("One GPU, by index or UUID; auto: the free one with most free memory"),
);

/** A GPU that a job has, had, or wants. Index and name are null when it is not there any more. */
export const JobGpu = v.nullable(
  v.object({ index: v.nullable(Whole), uuid: v.string(), name: v.nullable(v.string()) }),
);

/** What a job says about the queue. */
export const QueueFields = {
  /** The GPU it runs or ran on; while it waits the one it was queued for; null: any, or there is none. */
  gpu: JobGpu,
  /** Keeps its place and does not start. */
  held: v.boolean(),
  /** One sentence; null when it does not wait, or is about to start. */
  waiting_for: v.nullable(v.string()),
  /** From speeds measured on this machine; null without. */
  expected_start: v.nullable(Time),
} as const;

const Waiting = v.object({
  position: Whole,
  job_id: v.string(),
  config: v.string(),
  ...QueueFields,
  expected_finish: v.nullable(Time),
});

const Slot = v.object({
  /** All null: a place for one run without a GPU of its own. */
  index: v.nullable(Whole),
  uuid: v.nullable(v.string()),
  name: v.nullable(v.string()),
  memory_total_mib: v.nullable(v.number()),
  memory_free_mib: v.nullable(v.number()),
  /** "job …" for ours, the program for somebody else's, null for nothing. */
  busy_with: v.nullable(v.string()),
  running: v.nullable(
    v.object({
      job_id: v.string(),
      config: v.string(),
      started_at: v.nullable(Time),
      eta_seconds: v.nullable(v.number()),
      expected_finish: v.nullable(Time),
    }),
  ),
  /** Jobs that may start here, in order; those for any GPU stand at each. */
  waiting: v.array(v.string()),
});

const Queue = {
  gpus: v.array(Slot),
  /** Why there are no GPUs, or why they cannot be used. */
  note: v.nullable(v.string()),
  waiting: v.array(Waiting),
} as const;

export const getQueue = defineTool({
  name: "get_queue",
  title: "Queue",
  description:
    "What runs on each GPU and what waits, in order, with what it waits for. Each GPU takes the first job in the list that may run on it. Expected times come from speeds measured here and are null without.",
  scope: "read",
  effect: "read",
  input: v.object({}),
  output: output(Queue),
});

export const updateQueue = defineTool({
  name: "update_queue",
  title: "Change the queue",
  description:
    "Hold a waiting job, release it, or move it to another position or GPU. stop_training takes it out of the queue.",
  scope: "train",
  effect: "replace",
  input: v.object({
    job_id: JobId,
    action: OneOf(["hold", "release", "move"], "hold: keep its place, do not start"),
    position: v.optional(Count("For move: 1 is next", 1, 1_000_000)),
    gpu: v.optional(GpuChoice),
  }),
  output: output({ job_id: v.string(), status: Success, ...Queue }),
});

export const queueTools = [getQueue, updateQueue] as const;
