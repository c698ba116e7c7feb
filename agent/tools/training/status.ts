// What can be said of a job right now, all of it in one answer. Nothing is made up: what is not known is null.
import { hostname } from "node:os";
import type * as v from "valibot";
import type { Gpu } from "../../../shared/tools/system.ts";
import type { getTrainingStatus, listTrainingJobs, Phase } from "../../../shared/tools/training.ts";
import type { QueueFacts } from "../queue/queue-view.ts";
import { type DiskForecast, forecastDisk } from "./disk-forecast.ts";
import { nextPollSeconds, paceOf } from "./eta.ts";
import { gpuFigures, gpuOf } from "./job-gpu.ts";
import type { Job, JobStore } from "./job-store.ts";
import { type Live, look, stepOf } from "./live.ts";
import { lastLine } from "./log-text.ts";
import { isLoss, smoothedLast, trendOf } from "./loss-stats.ts";
import type { BarProgress } from "./progress.ts";
import { originOf } from "./run.ts";
import type { RunFigures } from "./run-figures.ts";
import { RunMemories } from "./run-memory.ts";
import { type RunTraces, readTraces } from "./run-traces.ts";
import { stopReport } from "./stop-report.ts";
import { warningsOf } from "./warnings/index.ts";

/** What a row of a list says of the queue comes from ../queue/queue-view.ts, for all rows at once. */
type Summary = Omit<v.InferInput<(typeof listTrainingJobs)["output"]>["jobs"][number], keyof QueueFacts>;
type Status = v.InferInput<(typeof getTrainingStatus)["output"]>;

export interface StatusParts {
  readonly store: Pick<JobStore, "queuePosition" | "stops">;
  readonly jobsPath: string;
  readonly now: () => Date;
  /** The machine's GPUs as they were last seen. */
  readonly gpus: () => readonly Gpu[];
  readonly queueFacts: (job: Job) => Promise<QueueFacts>;
  readonly machine?: string;
}

export interface StatusReader {
  /** A row of list_training_jobs. */
  summary(job: Job): Promise<Summary>;
  status(job: Job): Promise<Status>;
}

function percent({
  status,
  step = null,
  total_steps = null,
}: Pick<Summary, "status" | "step" | "total_steps">): number {
  if (status === "completed") return 100;
  return step === null || !total_steps ? 0 : Math.min(100, Math.floor((100 * step) / total_steps));
}

const finite = (value: number | null | undefined) =>
  value !== undefined && value !== null && Number.isFinite(value) ? value : null;
/** Digits beyond these are noise. */
const digits = (value: number | null | undefined, count = 4) => {
  const known = finite(value);
  return known === null ? null : Number(known.toPrecision(count));
};

function lossStats({ figures }: RunTraces, last: number | null): Status["loss_stats"] {
  if (!figures) return null;
  const points = figures.losses.flatMap(({ step, value }) => (isLoss(value) ? [{ step, value }] : []));
  const change = trendOf(points.map(({ value }) => value));
  const { lowest } = figures;
  return {
    last: digits(last),
    smoothed: digits(smoothedLast(points)),
    trend: change?.trend ?? null,
    change_percent: change?.percent ?? null,
    min: lowest && { value: Number(lowest.value.toPrecision(4)), step: lowest.step },
  };
}

/** Where not every step is logged the bar is ahead of the log; its losses have four digits, so the log's come first. */
const BAR_AHEAD_STEPS = 10;

function newestLoss(figures: RunFigures | undefined, bar: BarProgress | undefined): number | null {
  const logged = figures?.losses.at(-1);
  if (!logged) return bar?.loss ?? null;
  return bar && bar.loss !== null && bar.step > logged.step + BAR_AHEAD_STEPS ? bar.loss : logged.value;
}

function planned({ plan, toCome, costs }: RunTraces): Status["planned"] {
  if (!plan || !toCome) return null;
  return {
    saves: toCome.saves + toCome.both + (toCome.finalSave ? 1 : 0),
    samplings: toCome.samplings + toCome.both + (toCome.finalSampling ? 1 : 0),
    images_per_sampling: plan.prompts,
    seconds_per_save: digits(costs.save),
    seconds_per_sampling: digits(costs.sampling),
  };
}

/** Names of samples that are told; get_training_samples shows them all. */
const NAMES_MAX = 4;
function lastSamples({ rounds }: RunTraces): Status["last_samples"] {
  const newest = rounds.at(-1);
  if (!newest) return null;
  return { step: newest.step, count: newest.names.length, names: newest.names.slice(0, NAMES_MAX) };
}

function forecastOf({ freeBytes, plan, toCome, sizes, sampleBytes }: RunTraces): DiskForecast | undefined {
  if (freeBytes === null || !plan || !toCome) return undefined;
  return forecastDisk({ freeBytes, plan, toCome, checkpoints: sizes, sampleBytes });
}

/** Since the last byte of the log, the last logged step, or the start. */
function quietSeconds({ started_at }: Job, live: Live, { figures }: RunTraces, nowMs: number): number | null {
  if (started_at === null) return null;
  const movedMs = Math.max(live.writtenMs ?? 0, (figures?.steppedAt ?? 0) * 1000, Date.parse(started_at));
  return (nowMs - movedMs) / 1000;
}

/** While it trains, the bar says it all. */
const WORDLESS: readonly Phase[] = ["starting", "loading", "caching", "stopping"];

export function createStatusReader(parts: StatusParts): StatusReader {
  const { store, jobsPath, now, gpus, queueFacts, machine = hostname() } = parts;
  const memories = new RunMemories();

  const summaryOf = (job: Job, live: Live): Summary => ({
    job_id: job.id,
    origin: originOf(job),
    config: job.config,
    status: job.status,
    phase: live.phase,
    step: stepOf(job, live),
    total_steps: job.total_steps ?? live.bar?.totalSteps ?? null,
    created_at: job.created_at,
    started_at: job.started_at,
    finished_at: job.finished_at,
    exit_code: job.exit_code,
    reason: job.reason,
    queue_position: store.queuePosition(job.id),
  });

  return {
    summary: async (job) => summaryOf(job, await look(jobsPath, job, false)),

    async status(job) {
      const at = now();
      const facts = await queueFacts(job);
      const live = await look(jobsPath, job, job.started_at !== null);
      const summary = summaryOf(job, live);
      const { phase, step, total_steps } = summary;
      const runs = job.status === "running";
      const traces = await readTraces(jobsPath, job, memories.of(job), {
        phase,
        step,
        total: total_steps,
      });
      const { figures, costs, freeBytes } = traces;
      const pace = paceOf(summary, live.bar, traces, at.getTime());
      const eta = pace.etaSeconds;
      const newest = newestLoss(figures, live.bar);
      const loss = isLoss(newest) ? newest : null;
      const devices = gpus();
      const gpu = runs ? gpuOf(facts.gpu, devices) : undefined;
      const forecast = runs ? forecastOf(traces) : undefined;
      const warnings = warningsOf({
        trainer: job.trainer,
        phase,
        quietSeconds: runs ? quietSeconds(job, live, traces, at.getTime()) : null,
        stepSeconds: pace.stepSeconds,
        saveSeconds: costs.save,
        samplingSeconds: costs.sampling,
        losses: figures?.losses ?? [],
        blowUp: figures?.blowUp ?? null,
        logHead: live.logHead,
        logTail: live.logTail,
        disk: forecast,
        gpus: devices,
        gpu,
      });
      const checkpoint = traces.checkpoints[0];
      return {
        ...summary,
        ...facts,
        progress: percent(summary),
        loss: digits(loss, 5),
        lr: finite(figures?.learningRate ?? live.bar?.lr),
        seconds_per_step: pace.stepSeconds === null ? null : Math.round(pace.stepSeconds * 1000) / 1000,
        eta_seconds: eta === null ? null : Math.ceil(eta),
        finish_at: eta === null ? null : new Date(at.getTime() + eta * 1000).toISOString(),
        info: live.report?.info || null,
        last_checkpoint: checkpoint ? { name: checkpoint.name, step: checkpoint.step } : null,
        samples: traces.samples,
        pid: runs ? job.pid : null,
        hint: job.hint,
        next_poll_seconds: nextPollSeconds(summary, eta),
        stop: job.stop_requested_at === null ? null : await stopReport(store, job, step ?? null),
        warnings,
        loss_stats: lossStats(traces, loss),
        steps_per_minute: pace.stepSeconds ? digits(60 / pace.stepSeconds) : null,
        planned: runs ? planned(traces) : null,
        last_samples: lastSamples(traces),
        gpu: gpu ? gpuFigures(gpu) : facts.gpu,
        disk:
          runs && freeBytes !== null
            ? { free_bytes: freeBytes, forecast_bytes_at_end: forecast?.atEnd ?? null }
            : null,
        last_log_line: runs && WORDLESS.includes(phase) ? lastLine(live.logTail) : null,
        machine,
        trainer: job.trainer,
        as_of: at.toISOString(),
      };
    },
  };
}
