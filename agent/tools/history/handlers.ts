// Looking back: what a run was, and how runs differ.
import { readdir } from "node:fs/promises";
import type { Handlers } from "../../../shared/contract.ts";
import { invalid } from "../../../shared/errors.ts";
import type { Block } from "../../../shared/fields.ts";
import type { historyTools } from "../../../shared/tools/history.ts";
import type { Runs } from "../adoption/runs.ts";
import type { JobStore } from "../training/job-store.ts";
import { LOSS } from "../training/loss-log.ts";
import { COLOURS, plotCurves } from "../training/plot.ts";
import { originOf } from "../training/run.ts";
import type { StatusReader } from "../training/status.ts";
import { type ComparedRun, compare, durationSeconds, labelsOf } from "./comparison.ts";
import { recordOf } from "./record-keeper.ts";

export interface HistoryParts {
  readonly runs: Runs;
  readonly store: JobStore;
  readonly jobsPath: string;
  readonly reader: StatusReader;
  readonly now: () => Date;
}

async function compared({ runs, store, jobsPath, reader }: HistoryParts, id: string): Promise<ComparedRun> {
  const job = await runs.getOrThrow(id);
  const { step = null } = await reader.summary(job);
  return { job, step, record: await recordOf({ store, jobsPath }, job) };
}

async function pictureOf(runs: readonly ComparedRun[]): Promise<Block[]> {
  const plot = await plotCurves(
    runs.map(({ record }) => record.trend.map(([step, value]) => ({ step, value }))),
  );
  if (!plot) return [{ type: "text", text: "There are too few points for curves yet." }];
  const [from, to] = plot.losses.map((loss) => Number(loss.toPrecision(4)));
  const names = labelsOf(runs).map((label, index) => `${label} ${COLOURS[index]?.[0]}`);
  return [
    {
      type: "text",
      text: `Smoothed loss over steps ${plot.steps.join(" to ")}, from ${from} (bottom) to ${to} (top): ${names.join(", ")}.`,
    },
    { type: "image", data: plot.png.toString("base64"), mimeType: "image/png" },
  ];
}

export const historyHandlers = (parts: HistoryParts): Handlers<typeof historyTools> => ({
  async get_run_record({ job_id }) {
    const { job, step, record } = await compared(parts, job_id);
    const loss = record.curves.find(({ key }) => key === LOSS);
    const there = new Set(await readdir(job.output_folder).catch(() => [])); // gone with all that was in it
    return {
      job_id,
      origin: originOf(job),
      config: job.config,
      status: job.status,
      reason: job.reason,
      started_at: job.started_at,
      finished_at: job.finished_at,
      duration_seconds: durationSeconds(job, parts.now()),
      step,
      total_steps: job.total_steps,
      seconds_per_step: record.seconds_per_step,
      loss: loss
        ? {
            last: loss.last?.[1] ?? null,
            smoothed: loss.smoothed,
            min: loss.min && { step: loss.min[0], value: loss.min[1] },
          }
        : null,
      checkpoints: record.checkpoints.map((checkpoint) => ({
        ...checkpoint,
        exists: there.has(checkpoint.name),
      })),
      samples: {
        count: record.samples.length,
        steps: [...new Set(record.samples.map(({ step: at }) => at))],
      },
      trainer_version: record.trainer_version,
      run_config: record.config,
    };
  },

  async compare_runs({ job_ids, plot }) {
    const runs: ComparedRun[] = [];
    for (const id of new Set(job_ids)) runs.push(await compared(parts, id));
    if (runs.length < 2) throw invalid("job_ids names one run only", "Give two to six different ones");
    return {
      content: [
        { type: "text", text: JSON.stringify(compare(runs, parts.now())) },
        ...(plot ? await pictureOf(runs) : []),
      ],
    };
  },
});
