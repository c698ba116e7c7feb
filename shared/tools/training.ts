// Contracts of the tools that start, watch and stop training.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import {
  Blocks,
  Bytes,
  COMMON_OUTPUT,
  Count,
  Flag,
  JobId,
  lenient,
  Name,
  output,
  PAGE_INPUT,
  PAGE_OUTPUT,
  Success,
  Text,
  Time,
  Whole,
} from "../fields.ts";
import { GpuChoice, QueueFields } from "./queue.ts";
import { THROTTLING } from "./system.ts";

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

/** Who started it: a client of this server; nobody knows, it was found in an output folder; ai-toolkit's own web UI. */
export const ORIGINS = ["agent", "folder", "web-ui"] as const;
export type Origin = (typeof ORIGINS)[number];

const JobSummary = {
  job_id: v.string(),
  origin: v.picklist(ORIGINS),
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
  ...QueueFields,
} as const;

const CheckpointName = v.object({ name: v.string(), step: v.nullable(Whole) });

/** What a stop leaves for a later resume. */
export const StopFacts = v.object({
  /** The checkpoint that was saved because the stop asked for it. */
  saved_checkpoint: v.nullable(CheckpointName),
  /** Why none was, one sentence. Both are null while that is open, and when the stop did not ask. */
  not_saved: v.nullable(v.string()),
  /** Where a resume would begin now, 0 for anew; null when the newest file does not tell. */
  resume_from_step: v.nullable(Whole),
  /** Steps done beyond that. */
  lost_steps: v.nullable(Whole),
});

export const startTraining = defineTool({
  name: "start_training",
  title: "Start training",
  description:
    "Start a training job using AI Toolkit, after all checks of preflight. Answers at once; follow the run with get_training_status and the job_id. While every GPU is busy, the job waits in the queue and starts by itself; waiting_for tells for what.",
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
    force: v.optional(
      Flag(
        "Start in spite of warnings that hold it back, e.g. a disk too small, and on a GPU that another program uses; errors are never passed over",
      ),
      false,
    ),
    gpu: v.optional(GpuChoice, "auto"),
    hold: v.optional(Flag("Queue it held; update_queue with action release lets it start"), false),
  }),
  output: output({
    job_id: v.string(),
    pid: v.nullable(v.number()),
    status: Success,
    state: v.picklist(["queued", "running"]),
    queue_position: v.nullable(Whole),
    /** With `resume`: the step it goes on from; null when there is none. */
    resumes_from: v.optional(v.nullable(Whole)),
    ...QueueFields,
  }),
});

/** What may go wrong with a run while it goes on. */
export const WARNING_CODES = [
  "nan_loss",
  "stalled",
  "disk_forecast",
  "gpu_missing",
  "loss_blow_up",
  "out_of_memory",
  "gpu_throttling",
] as const;

const Warning = v.object({ code: v.picklist(WARNING_CODES), message: v.string(), hint: v.string() });
export type Warning = v.InferOutput<typeof Warning>;

const LossStats = v.object({
  last: v.nullable(v.number()),
  /** Over about the last hundred steps. */
  smoothed: v.nullable(v.number()),
  /** Over the last tenth of the run; null while it would be chance. */
  trend: v.nullable(v.picklist(["falling", "flat", "rising"])),
  change_percent: v.nullable(v.number()),
  min: v.nullable(v.object({ value: v.number(), step: Whole })),
});

/** Figures only while it runs. */
const RunGpu = v.object({
  index: v.nullable(Whole),
  uuid: v.string(),
  name: v.nullable(v.string()),
  utilization_percent: v.optional(v.nullable(v.number())),
  vram_used_mib: v.optional(v.nullable(v.number())),
  vram_total_mib: v.optional(v.nullable(v.number())),
  temperature_c: v.optional(v.nullable(v.number())),
  power_w: v.optional(v.nullable(v.number())),
  throttling: v.optional(v.nullable(v.array(v.picklist(THROTTLING)))),
});

export const getTrainingStatus = defineTool({
  name: "get_training_status",
  title: "Training status",
  description:
    "Get the status of a training job: everything in one call. Look again after next_poll_seconds; null means unknown.",
  scope: "read",
  effect: "read",
  input: v.object({ job_id: JobId }),
  // Not output(): its warnings are strings only.
  output: v.object({
    ...COMMON_OUTPUT,
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
    last_checkpoint: v.nullable(CheckpointName),
    samples: Whole,
    pid: v.nullable(v.number()),
    hint: v.nullable(v.string()),
    next_poll_seconds: v.nullable(Whole),
    /** Once a stop was asked for. */
    stop: v.nullable(StopFacts),
    /** Strings are about the arguments of the call, objects about the run. */
    warnings: v.array(v.union([v.string(), Warning])),
    loss_stats: v.nullable(LossStats),
    steps_per_minute: v.nullable(v.number()),
    /** Saves and samplings still to come; what one takes was measured in this run, or is null. */
    planned: v.nullable(
      v.object({
        saves: Whole,
        samplings: Whole,
        images_per_sampling: Whole,
        seconds_per_save: v.nullable(v.number()),
        seconds_per_sampling: v.nullable(v.number()),
      }),
    ),
    last_samples: v.nullable(v.object({ step: Whole, count: Whole, names: v.array(v.string()) })),
    /** The one it runs, ran or will run on; null when that is not known. */
    gpu: v.nullable(RunGpu),
    /** Where the run writes. The forecast is negative when it will not fit, null before the first checkpoint. */
    disk: v.nullable(v.object({ free_bytes: Bytes, forecast_bytes_at_end: v.nullable(v.number()) })),
    /** While it loads and caches nothing else moves. Untrusted text. */
    last_log_line: v.nullable(v.string()),
    machine: v.string(),
    as_of: Time,
  }),
});

export const stopTraining = defineTool({
  name: "stop_training",
  title: "Stop training",
  description:
    "Stop a running training job, or take a queued one out of the queue. A checkpoint being written is finished first; steps since the last checkpoint are lost unless save is true. While a stop still waits for its checkpoint, calling again without save stops at once.",
  scope: "train",
  effect: "destroy",
  input: v.object({
    job_id: JobId,
    save: v.optional(
      Flag("Save a checkpoint first; that waits for the end of the present step, up to minutes"),
      false,
    ),
  }),
  output: output({
    job_id: v.string(),
    status: Success,
    /** completed, failed: it had ended by itself before the stop reached it. */
    state: v.picklist(["stopping", "stopped", "completed", "failed"]),
    ...StopFacts.entries,
  }),
});

export const listTrainingJobs = defineTool({
  name: "list_training_jobs",
  title: "List training jobs",
  description:
    "List all training jobs, newest first; also runs found in the output folders (origin folder) and jobs of ai-toolkit's own web UI (origin web-ui), which can be looked at and not be changed here.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
  input: v.object({
    limit: v.optional(Count("How many jobs at most", 1, 1000), 100),
    cursor: PAGE_INPUT.cursor,
    status: v.optional(v.picklist(JOB_STATUSES)),
  }),
  output: output({ ...PAGE_OUTPUT, jobs: v.array(v.object(JobSummary)), total: Whole }),
});

export const getTrainingLogs = defineTool({
  name: "get_training_logs",
  title: "Training logs",
  description:
    "Get training logs for a job: its last lines, progress bars folded. The text is the trainer's own output.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
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

export const getTrainingMetrics = defineTool({
  name: "get_training_metrics",
  title: "Training curves",
  description:
    "Loss and learning rate of a run as points that keep every peak, optionally with a picture of the loss curve. Single losses of diffusion training jump about by nature: look at the smoothed trend, and at the samples.",
  scope: "read",
  effect: "read",
  input: v.object({
    job_id: JobId,
    keys: v.optional(
      v.pipe(v.array(Text("", 100)), v.maxLength(20), v.description("Only these series, e.g. loss/loss")),
    ),
    since_step: v.optional(Count("Only steps from this one on", 0, 1_000_000_000), 0),
    points: v.optional(Count("How many points per series at most", 10, 2_000), 100),
    plot: v.optional(Flag("Also draw the loss as a picture"), false),
  }),
  output: Blocks,
});

export const getTrainingSamples = defineTool({
  name: "get_training_samples",
  title: "Training samples",
  description:
    "The sample images of a run on one sheet: a row for each sampled step, a column for each prompt. Give step and prompt to see one of them large.",
  scope: "read",
  effect: "read",
  input: v.object({
    job_id: JobId,
    step: v.optional(Count("Only samples of this step", 0, 1_000_000_000)),
    prompt: v.optional(Count("Only samples of this prompt, counted from 0", 0, 1_000)),
    rows: v.optional(Count("How many steps to show at most; the first and the last stay", 1, 16), 6),
  }),
  output: Blocks,
});

export const saveCheckpointNow = defineTool({
  name: "save_checkpoint_now",
  title: "Save a checkpoint now",
  description:
    "Ask a running training to save a checkpoint at the end of its present step, beside those it saves by plan.",
  scope: "train",
  effect: "write",
  input: v.object({ job_id: JobId }),
  output: output({
    job_id: v.string(),
    status: Success,
    state: v.picklist(["requested", "saved"]),
    checkpoint: v.nullable(CheckpointName),
  }),
});

export const sampleNow = defineTool({
  name: "sample_now",
  title: "Sample now",
  description:
    "Ask a running training to draw its sample prompts at the end of its present step. get_training_samples shows them.",
  scope: "train",
  effect: "write",
  input: v.object({ job_id: JobId }),
  output: output({
    job_id: v.string(),
    status: Success,
    state: v.picklist(["requested", "sampled"]),
    samples: Whole,
  }),
});

export const waitForTraining = defineTool({
  name: "wait_for_training",
  title: "Wait for a training",
  description:
    "Wait until a job has ended, or for the given seconds, and answer with its status. Sends progress meanwhile to clients that ask for it. Without seconds, clients that know MCP tasks get a task that lasts as long as the job.",
  scope: "read",
  effect: "read",
  input: v.object({ job_id: JobId, seconds: v.optional(Count("How long to wait at most", 1, 45), 30) }),
  // Everything of get_training_status; its schema a second time would only cost tokens.
  output: v.object({
    ...COMMON_OUTPUT,
    ...JobSummary,
    warnings: getTrainingStatus.output.entries.warnings,
    ended: v.boolean(),
  }),
});

export const trainingTools = [
  startTraining,
  getTrainingStatus,
  stopTraining,
  listTrainingJobs,
  getTrainingLogs,
  getTrainingInfo,
  getTrainingMetrics,
  getTrainingSamples,
  saveCheckpointNow,
  sampleNow,
  waitForTraining,
] as const;
