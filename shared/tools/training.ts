// Contracts of the tools that start, watch and stop training.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Bytes, Count, Flag, JobId, lenient, Name, output, Success, Time, Whole } from "../fields.ts";

/** The old server's five words; finer grain is in `phase`. */
export const JOB_STATUSES = ["pending", "running", "completed", "failed", "stopped"] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export const PHASES = [
  "queued",
  "starting",
  "loading",
  "caching",
  "baseline_samples",
  "training",
  "saving",
  "sampling",
  "stopping",
  "ended",
] as const;
export type Phase = (typeof PHASES)[number];

const JobSummary = {
  job_id: v.string(),
  config: v.string(),
  status: v.picklist(JOB_STATUSES),
  phase: v.picklist(PHASES),
  step: v.nullable(Whole),
  total_steps: v.nullable(Whole),
  created_at: Time,
  started_at: v.nullable(Time),
  finished_at: v.nullable(Time),
  exit_code: v.nullable(v.number()),
  /** Why it failed or stopped, one sentence; null while it runs and after success. */
  reason: v.nullable(v.string()),
  queue_position: v.nullable(Whole),
} as const;

export const startTraining = defineTool({
  name: "start_training",
  title: "Start training",
  description:
    "Start a training job using AI Toolkit. Answers at once; follow the run with get_training_status and the job_id. While another job runs, the new one waits in the queue and starts by itself.",
  scope: "train",
  effect: "write",
  input: v.object({
    config_name: Name("Configuration name to use"),
    resume: v.optional(
      Flag(
        "Go on from the newest checkpoint in the run's folder; without it a folder that holds checkpoints is refused",
      ),
      false,
    ),
  }),
  output: output({
    job_id: v.string(),
    pid: v.nullable(v.number()),
    status: Success,
    state: v.picklist(["queued", "running"]),
    queue_position: v.nullable(Whole),
  }),
});

export const getTrainingStatus = defineTool({
  name: "get_training_status",
  title: "Training status",
  description: "Get the status of a training job.",
  scope: "read",
  effect: "read",
  input: v.object({ job_id: JobId }),
  output: output({
    ...JobSummary,
    /** Percent, whole. */
    progress: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(100)),
    loss: v.nullable(v.number()),
    lr: v.nullable(v.number()),
    seconds_per_step: v.nullable(v.number()),
    eta_seconds: v.nullable(v.number()),
    finish_at: v.nullable(Time),
    /** What the trainer itself says it is doing, e.g. "Generating images - 3/10". Untrusted text. */
    info: v.nullable(v.string()),
    last_checkpoint: v.nullable(v.object({ name: v.string(), step: v.nullable(Whole) })),
    samples: Whole,
    pid: v.nullable(v.number()),
    hint: v.nullable(v.string()),
    next_poll_seconds: v.nullable(Whole),
  }),
});

export const stopTraining = defineTool({
  name: "stop_training",
  title: "Stop training",
  description:
    "Stop a running training job, or take a queued one out of the queue. A checkpoint being written is finished first; steps since the last checkpoint are lost.",
  scope: "train",
  effect: "destroy",
  input: v.object({ job_id: JobId }),
  output: output({ job_id: v.string(), status: Success, state: v.picklist(["stopping", "stopped"]) }),
});

export const listTrainingJobs = defineTool({
  name: "list_training_jobs",
  title: "List training jobs",
  description: "List all training jobs, newest first.",
  scope: "read",
  effect: "read",
  input: v.object({
    limit: v.optional(Count("How many jobs at most", 1, 1000), 100),
    status: v.optional(v.picklist(JOB_STATUSES)),
  }),
  output: output({ jobs: v.array(v.object(JobSummary)), total: Whole }),
});

export const getTrainingLogs = defineTool({
  name: "get_training_logs",
  title: "Training logs",
  description:
    "Get training logs for a job: its last lines, progress bars folded. The text is the trainer's own output.",
  scope: "read",
  effect: "read",
  input: v.object({
    job_id: JobId,
    lines: v.optional(lenient(Count("Number of lines to retrieve", 0, 10_000)), 100),
  }),
  output: output({
    job_id: v.string(),
    logs: v.array(v.string()),
    /** The number of lines in `logs` (the old key and its younger twin). */
    total_lines: Whole,
    lines: Whole,
    log_bytes: Bytes,
    log_path: v.nullable(v.string()),
  }),
});

export const getTrainingInfo = defineTool({
  name: "get_training_info",
  title: "Training overview",
  description: "Get overall training information and statistics.",
  scope: "read",
  effect: "read",
  input: v.object({}),
  output: output({
    active_jobs: Whole,
    queued_jobs: Whole,
    total_jobs: Whole,
    configs: Whole,
    datasets: Whole,
    models: Whole,
  }),
});

export const trainingTools = [
  startTraining,
  getTrainingStatus,
  stopTraining,
  listTrainingJobs,
  getTrainingLogs,
  getTrainingInfo,
] as const;
