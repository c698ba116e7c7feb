// Contracts of the tools that look back at runs.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { Blocks, Flag, JobId, Json, output, Time, Whole } from "../fields.ts";
import { JOB_STATUSES, ORIGINS } from "./training.ts";

export const getRunRecord = defineTool({
  name: "get_run_record",
  title: "Record of a run",
  description:
    "What a run was and what it left: the exact configuration it ran with, loss, speed, duration, checkpoints and samples. Kept for ever, also when its folder is gone; of a run that this server did not start, as long as the folder is there.",
  scope: "read",
  effect: "read",
  mayBeLong: true,
  input: v.object({ job_id: JobId }),
  output: output({
    job_id: v.string(),
    origin: v.picklist(ORIGINS),
    config: v.string(),
    status: v.picklist(JOB_STATUSES),
    reason: v.nullable(v.string()),
    started_at: v.nullable(Time),
    finished_at: v.nullable(Time),
    duration_seconds: v.nullable(v.number()),
    step: v.nullable(Whole),
    total_steps: v.nullable(Whole),
    seconds_per_step: v.nullable(v.number()),
    loss: v.nullable(
      v.object({
        last: v.nullable(v.number()),
        smoothed: v.nullable(v.number()),
        min: v.nullable(v.object({ step: Whole, value: v.number() })),
      }),
    ),
    checkpoints: v.array(
      v.object({
        name: v.string(),
        step: v.nullable(Whole),
        bytes: v.nullable(v.number()),
        /** Is it still there? */
        exists: v.boolean(),
      }),
    ),
    samples: v.object({ count: Whole, steps: v.array(Whole) }),
    trainer_version: v.nullable(v.string()),
    run_config: v.nullable(Json),
  }),
});

export const compareRuns = defineTool({
  name: "compare_runs",
  title: "Compare runs",
  description:
    "Runs side by side: the settings in which they differ, smoothed loss at equal steps, speed and verdict, optionally all loss curves in one picture. Losses compare only for the same data set and base model; look at the samples, too.",
  scope: "read",
  effect: "read",
  input: v.object({
    job_ids: v.pipe(v.array(JobId), v.minLength(2), v.maxLength(6)),
    plot: v.optional(Flag("Also draw the loss curves"), false),
  }),
  output: Blocks,
});

export const historyTools = [getRunRecord, compareRuns] as const;
