// What can be said of a job right now. Nothing is made up: what is not known is null.
import type * as v from "valibot";
import type { getTrainingStatus, listTrainingJobs, Phase } from "../../../shared/tools/training.ts";
import type { QueueFacts } from "../queue/queue-view.ts";
import { jobFolder } from "./job-folder.ts";
import type { Job, JobStore } from "./job-store.ts";
import { readEnd } from "./log-file.ts";
import { type LossTail, median, readLossTail } from "./loss-log.ts";
import { type BarProgress, parseProgress } from "./progress.ts";
import { countSamples, listCheckpoints } from "./run-files.ts";
import { stopReport } from "./stop-report.ts";
import { readReport, type TrainerReport } from "./trainer-report.ts";

/** What a job says of the queue comes from ../queue/queue-view.ts. */
type Summary = Omit<v.InferInput<(typeof listTrainingJobs)["output"]>["jobs"][number], keyof QueueFacts>;
type Status = Omit<v.InferInput<(typeof getTrainingStatus)["output"]>, keyof QueueFacts>;

/** An estimate from fewer steps would swing wildly: the first ones include compilation and caches. */
const MEASURED_STEPS_MIN = 5;
/** How much of the log is searched for the progress bar when the trainer does not report: hundreds of its states. */
const BAR_BYTES = 64 * 1024;

/** `info` texts of ai-toolkit's trainer (DiffusionTrainer.py, BaseSDTrainProcess.py) and the phases they mean. */
function phaseOf(job: Job, report: TrainerReport | undefined, bar: BarProgress | undefined): Phase {
  if (job.status === "pending") return "queued";
  if (job.status !== "running") return "ended";
  if (job.stop_requested_at !== null) return "stopping";
  const info = report?.info ?? "";
  if (info.startsWith("Generating images"))
    return (report?.step ?? 0) === 0 ? "baseline_samples" : "sampling";
  if (info.startsWith("Saving")) return "saving";
  if (info === "Training" || (bar && !report?.info)) return "training";
  if (info.startsWith("Loading dataset") || info.startsWith("Caching")) return "caching";
  return info === "" || info === "Starting" ? "starting" : "loading";
}

interface Live {
  readonly report: TrainerReport | undefined;
  readonly bar: BarProgress | undefined;
}

async function look(jobsPath: string, job: Job): Promise<Live> {
  if (job.status !== "running") return { report: undefined, bar: undefined };
  const folder = jobFolder(jobsPath, job.id);
  const report = readReport(folder.database, job.id);
  if (report?.info) return { report, bar: undefined };
  // No report: an older toolkit, or one that has not come that far.
  return { report, bar: parseProgress(await readEnd(folder.log, BAR_BYTES), job.name) };
}

function summaryOf(store: JobStore, job: Job, { report, bar }: Live): Summary {
  return {
    job_id: job.id,
    config: job.config,
    status: job.status,
    phase: phaseOf(job, report, bar),
    step: job.status === "running" ? (bar?.step ?? report?.step ?? null) : job.final_step,
    total_steps: job.total_steps ?? bar?.totalSteps ?? null,
    created_at: job.created_at,
    started_at: job.started_at,
    finished_at: job.finished_at,
    exit_code: job.exit_code,
    reason: job.reason,
    queue_position: store.queuePosition(job.id),
  };
}

export async function jobSummary(store: JobStore, jobsPath: string, job: Job): Promise<Summary> {
  return summaryOf(store, job, await look(jobsPath, job));
}

function percent({
  status,
  step = null,
  total_steps = null,
}: Pick<Summary, "status" | "step" | "total_steps">): number {
  if (status === "completed") return 100;
  return step === null || !total_steps ? 0 : Math.min(100, Math.floor((100 * step) / total_steps));
}

/** Remaining steps at the measured pace, in seconds. */
function remainingSeconds(summary: Summary, tail: LossTail | undefined): number | null {
  const { phase, step, total_steps } = summary;
  const known =
    tail !== undefined && tail.stepSeconds.length >= MEASURED_STEPS_MIN ? median(tail.stepSeconds) : null;
  if (
    known === null ||
    step === null ||
    total_steps === null ||
    !["training", "saving", "sampling"].includes(phase)
  )
    return null;
  return Math.max(0, total_steps - step) * known;
}

/** When a look is worth its turn: soon while things change quickly, seldom on a long run. */
function nextPollSeconds({ status, phase }: Summary, eta: number | null): number | null {
  if (status !== "running") return status === "pending" ? 60 : null;
  if (eta === null || phase !== "training") return 10;
  return Math.min(300, Math.max(5, Math.ceil(eta / 20)));
}

const finite = (value: number | null | undefined) =>
  value !== undefined && Number.isFinite(value) ? value : null;

/** Seconds, to the millisecond: more digits are noise. */
const rounded = (value: number | null) => (value === null ? null : Math.round(value * 1000) / 1000);

export async function jobStatus(store: JobStore, jobsPath: string, job: Job, now: Date): Promise<Status> {
  const live = await look(jobsPath, job);
  const summary = summaryOf(store, job, live);
  const tail =
    job.started_at === null ? undefined : readLossTail(job.output_folder, Date.parse(job.started_at) / 1000);
  const eta = remainingSeconds(summary, tail);
  const started = job.started_at === null ? Number.POSITIVE_INFINITY : Date.parse(job.started_at);
  const newest = (await listCheckpoints(job.output_folder, job.name)).find(
    ({ mtimeMs }) => mtimeMs >= started,
  );
  const measured =
    (tail?.stepSeconds.length ?? 0) >= MEASURED_STEPS_MIN ? median(tail?.stepSeconds ?? []) : null;
  return {
    ...summary,
    progress: percent(summary),
    loss: finite(tail?.loss ?? live.bar?.loss),
    lr: finite(tail?.lr ?? live.bar?.lr),
    seconds_per_step: rounded(measured),
    eta_seconds: eta === null ? null : Math.ceil(eta),
    finish_at: eta === null ? null : new Date(now.getTime() + eta * 1000).toISOString(),
    info: live.report?.info || null,
    last_checkpoint: newest ? { name: newest.name, step: newest.step } : null,
    samples: await countSamples(job.output_folder),
    pid: job.status === "running" ? job.pid : null,
    hint: job.hint,
    next_poll_seconds: nextPollSeconds(summary, eta),
    stop: job.stop_requested_at === null ? null : await stopReport(store, job, summary.step ?? null),
  };
}
