// Looking at a run: its curves and its pictures.
import type { Handlers } from "../../../shared/contract.ts";
import { ToolError } from "../../../shared/errors.ts";
import type { Block } from "../../../shared/fields.ts";
import type { getTrainingMetrics, getTrainingSamples } from "../../../shared/tools/training.ts";
import { contactSheet, singleSample } from "./contact-sheet.ts";
import { jobFolder } from "./job-folder.ts";
import type { Job, JobStore } from "./job-store.ts";
import { LOSS } from "./loss-log.ts";
import { smoothedLast } from "./loss-stats.ts";
import { type Point, readMetrics } from "./metrics.ts";
import { plotLoss } from "./plot.ts";
import { listSamples } from "./run-files.ts";
import { promptsOf } from "./sample-prompts.ts";

export interface LookParts {
  readonly store: JobStore;
  readonly jobsPath: string;
}

/** More points than pixels would be no finer picture. */
const PLOT_POINTS = 1_400;

export function jobOrThrow(store: JobStore, id: string): Job {
  const job = store.get(id);
  if (!job) throw new ToolError("not_found", "Job not found", { hint: "list_training_jobs shows all jobs" });
  return job;
}

const text = (value: object): Block => ({ type: "text", text: JSON.stringify(value) });
const rounded = (value: number) => Number(value.toPrecision(5));
/** `[step, value]`: half as many characters as an object. */
const pair = ({ step, value }: Point) => [step, rounded(value)];

async function plotBlocks(job: Job, sinceStep: number): Promise<Block[]> {
  const [loss] = readMetrics(job.output_folder, [LOSS], { sinceStep, points: PLOT_POINTS }) ?? [];
  const plot = loss && (await plotLoss(loss.points));
  if (!plot) return [{ type: "text", text: "There are too few points for a curve yet." }];
  const [from, to] = plot.losses.map(rounded);
  return [
    {
      type: "text",
      text: `Loss over steps ${plot.steps.join(" to ")}, from ${from} (bottom) to ${to} (top): each figure blue, smoothed orange.`,
    },
    { type: "image", data: plot.png.toString("base64"), mimeType: "image/png" },
  ];
}

export const lookHandlers = ({
  store,
  jobsPath,
}: LookParts): Handlers<readonly [typeof getTrainingMetrics, typeof getTrainingSamples]> => ({
  async get_training_metrics({ job_id, keys, since_step, points, plot }) {
    const job = jobOrThrow(store, job_id);
    const series = readMetrics(job.output_folder, keys, { sinceStep: since_step, points });
    if (!series) {
      throw new ToolError("not_found", "This run has logged no figures yet", {
        hint: "They begin with the second training step; get_training_status shows how far the run is",
      });
    }
    const figures = series.map(({ key, points: kept, logged, min, last, bad_steps }) => ({
      key,
      logged,
      min: min && pair(min),
      last: last && pair(last),
      smoothed: kept.length > 0 ? rounded(smoothedLast(kept) ?? 0) : null,
      ...(bad_steps.length > 0 && { not_a_number_at: bad_steps }),
      points: kept.map(pair),
    }));
    const rehearsal = job.trainer === "rehearsal" ? { trainer: job.trainer } : {};
    return {
      content: [
        text({ job_id, config: job.config, ...rehearsal, point: "[step, value]", series: figures }),
        ...(plot ? await plotBlocks(job, since_step) : []),
      ],
    };
  },

  async get_training_samples({ job_id, step, prompt, rows }) {
    const job = jobOrThrow(store, job_id);
    const all = await listSamples(job.output_folder);
    const samples = all.filter(
      (sample) => (step ?? sample.step) === sample.step && (prompt ?? sample.index) === sample.index,
    );
    if (samples.length === 0) {
      const steps = [...new Set(all.map((sample) => sample.step))].join(", ");
      throw new ToolError(
        "not_found",
        all.length === 0 ? "This run has no samples yet" : "There is no such sample",
        {
          hint:
            all.length === 0
              ? "sample_now draws them while the run trains"
              : `There are samples of steps ${steps}`,
        },
      );
    }
    const [only, ...others] = samples;
    const sheet =
      only && others.length === 0
        ? await singleSample(only)
        : await contactSheet(samples, { maxRows: rows, format: "jpeg" });
    if (!sheet) throw new ToolError("internal", "The samples cannot be read right now");
    const prompts = await promptsOf(jobFolder(jobsPath, job_id).config);
    const rehearsal = job.trainer === "rehearsal" ? { trainer: job.trainer } : {};
    return {
      content: [
        text({
          job_id,
          config: job.config,
          ...rehearsal,
          rows: sheet.steps.map((each) => `step ${each}`),
          columns: sheet.prompts.map((index) => ({ prompt: index, ...prompts[index] })),
          all_steps: [...new Set(all.map((sample) => sample.step))],
        }),
        { type: "image", data: sheet.image.toString("base64"), mimeType: "image/jpeg" },
      ],
    };
  },
});
