// Looking at a run: its curves and its pictures.
import { basename, join } from "node:path";
import type { Handlers } from "../../../shared/contract.ts";
import { ToolError } from "../../../shared/errors.ts";
import type { Block } from "../../../shared/fields.ts";
import type { getTrainingMetrics, getTrainingSamples } from "../../../shared/tools/training.ts";
import type { Runs } from "../adoption/runs.ts";
import { readCurves } from "../history/curves.ts";
import { keptRecord, runConfigOf } from "../history/record-keeper.ts";
import { endMs, type RunRecord } from "../history/run-record.ts";
import { contactSheet, singleSample } from "./contact-sheet.ts";
import type { Point } from "./curve.ts";
import type { JobStore } from "./job-store.ts";
import { LOSS } from "./loss-log.ts";
import type { Series } from "./metrics.ts";
import { plotLoss } from "./plot.ts";
import { asOf, listSamples, pictureOf, type Sample } from "./run-files.ts";
import { promptsOf } from "./sample-prompts.ts";

export interface LookParts {
  readonly runs: Runs;
  readonly store: JobStore;
  readonly jobsPath: string;
}

/** More points than pixels would be no finer picture. */
const PLOT_POINTS = 1_400;

const text = (value: object): Block => ({ type: "text", text: JSON.stringify(value) });
const rounded = (value: number) => Number(value.toPrecision(5));
/** `[step, value]`: half as many characters as an object. */
const pair = ({ step, value }: Point) => [step, rounded(value)];

async function plotBlocks(loss: Series | undefined): Promise<Block[]> {
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

const stepsOf = (samples: readonly { readonly step: number }[]) =>
  [...new Set(samples.map(({ step }) => step))].join(", ");

function noSamples(there: readonly Sample[], kept: RunRecord["samples"]): ToolError {
  if (there.length > 0) {
    const hint = `There are samples of steps ${stepsOf(there)}`;
    return new ToolError("not_found", "There is no such sample", { hint });
  }
  if (kept.length > 0) {
    const hint = `There were samples of steps ${stepsOf(kept)}; get_run_record shows what is still known of the run`;
    return new ToolError("not_found", "The samples of this run are gone: its folder was deleted or moved", {
      hint,
    });
  }
  const hint = "sample_now draws them while the run trains";
  return new ToolError("not_found", "This run has no samples yet", { hint });
}

const promptsIn = (samples: readonly Sample[]) =>
  [...new Set(samples.map(({ index }) => index))].sort((a, b) => a - b);

/** Videos and sounds that are named, the newest. */
const FILES_MAX = 20;

const FROM_RECORD =
  "The run's own log of figures is gone or was continued by a later run; these are the points that were kept of it";

export const lookHandlers = (
  parts: LookParts,
): Handlers<readonly [typeof getTrainingMetrics, typeof getTrainingSamples]> => ({
  async get_training_metrics({ job_id, keys, since_step, points, plot }) {
    const job = await parts.runs.getOrThrow(job_id);
    const record = keptRecord(parts.store, job);
    const curves = readCurves(job, record, keys, { sinceStep: since_step, points });
    if (!curves) {
      throw new ToolError("not_found", "This run has logged no figures yet", {
        hint: "They begin with the second training step; get_training_status shows how far the run is",
      });
    }
    const figures = curves.series.map(({ key, points: kept, logged, min, last, smoothed, bad_steps }) => ({
      key,
      logged,
      min: min && pair(min),
      last: last && pair(last),
      smoothed: smoothed === null ? null : rounded(smoothed),
      ...(bad_steps.length > 0 && { not_a_number_at: bad_steps }),
      points: kept.map(pair),
    }));
    const drawn = plot
      ? readCurves(job, record, [LOSS], { sinceStep: since_step, points: PLOT_POINTS })
      : undefined;
    const rehearsal = job.trainer === "rehearsal" ? { trainer: job.trainer } : {};
    return {
      content: [
        text({
          job_id,
          config: job.config,
          ...rehearsal,
          ...(curves.fromRecord && { note: FROM_RECORD }),
          point: "[step, value]",
          series: figures,
        }),
        ...(plot ? await plotBlocks(drawn?.series[0]) : []),
      ],
    };
  },

  async get_training_samples({ job_id, step, prompt, rows }) {
    const job = await parts.runs.getOrThrow(job_id);
    const all = asOf(await listSamples(job.output_folder), endMs(job));
    const samples = all.filter(
      (sample) => (step ?? sample.step) === sample.step && (prompt ?? sample.index) === sample.index,
    );
    if (samples.length === 0) {
      throw noSamples(all, keptRecord(parts.store, job)?.samples ?? []);
    }
    const pictures = samples.flatMap((sample) => {
      const path = pictureOf(sample);
      return path === undefined ? [] : [{ ...sample, path }];
    });
    const [only, ...others] = pictures;
    const sheet =
      only && others.length === 0
        ? await singleSample(only)
        : await contactSheet(pictures, { maxRows: rows, format: "jpeg" });
    const media = samples.filter((sample) => pictureOf(sample) !== sample.path);
    if (!sheet && media.length === 0) throw new ToolError("internal", "The samples cannot be read right now");
    const prompts = promptsOf(await runConfigOf(parts, job));
    const rehearsal = job.trainer === "rehearsal" ? { trainer: job.trainer } : {};
    return {
      content: [
        text({
          job_id,
          config: job.config,
          ...rehearsal,
          rows: (sheet?.steps ?? []).map((each) => `step ${each}`),
          columns: (sheet?.prompts ?? promptsIn(samples)).map((index) => ({
            prompt: index,
            ...prompts[index],
          })),
          ...(media.length > 0 && {
            note: `Videos are shown by their first frame, sounds not at all; they lie in ${join(job.output_folder, "samples")}`,
            files: media.slice(-FILES_MAX).map(({ path, step: at, index }) => ({
              step: at,
              prompt: index,
              name: basename(path),
            })),
          }),
          all_steps: [...new Set(all.map((sample) => sample.step))],
        }),
        ...(sheet
          ? [{ type: "image" as const, data: sheet.image.toString("base64"), mimeType: "image/jpeg" }]
          : []),
      ],
    };
  },
});
