// What the trainer says and shows of itself at this moment: its report, and the ends of its log.
import type { Phase } from "../../../shared/tools/training.ts";
import type { Job } from "./job-store.ts";
import { readEdges } from "./log-file.ts";
import { phaseOf, saysLittle } from "./phase.ts";
import { type BarProgress, parseProgress } from "./progress.ts";
import { sourceOf } from "./run.ts";
import type { TrainerReport } from "./trainer-report.ts";

/** How much of the log is read: hundreds of states of the progress bar, and all that torch says while it is imported. */
const TAIL_BYTES = 64 * 1024;
const HEAD_BYTES = 8 * 1024;

export interface Live {
  readonly report: TrainerReport | undefined;
  readonly bar: BarProgress | undefined;
  readonly phase: Phase;
  readonly logHead: string;
  readonly logTail: string;
  readonly writtenMs: number | null;
}

/** @param readsLog also where the report would do: for a status, not for a row of a list */
export async function look(jobsPath: string, job: Job, readsLog: boolean): Promise<Live> {
  const source = sourceOf(jobsPath, job);
  const report = job.status === "running" ? source.report() : undefined;
  // Without a report the log has to tell: an older toolkit, or one that has not come that far.
  const needsLog = !report?.info || saysLittle(job, report) || isSetBack(report);
  const isRead = readsLog || (job.status === "running" && needsLog);
  const log =
    isRead && source.log !== null
      ? await readEdges(source.log, { headBytes: HEAD_BYTES, tailBytes: TAIL_BYTES })
      : { head: "", tail: "", writtenMs: null };
  return {
    report,
    bar: job.status === "running" ? parseProgress(log.tail, job.name) : undefined,
    phase: phaseOf(job, report, log.tail),
    logHead: log.head,
    logTail: log.tail,
    writtenMs: log.writtenMs,
  };
}

/** A trainer that is stopped or fails reports the step of its last checkpoint: what was done since would be kept quiet. */
const isSetBack = ({ status }: TrainerReport) => status !== "running" && status !== "completed";

/** Steps done. */
export function stepOf(job: Job, { report, bar }: Live): number | null {
  if (job.status !== "running") return job.final_step;
  if (!report?.info) return bar?.step ?? report?.step ?? null;
  if (isSetBack(report)) return Math.max(report.step, bar?.step ?? 0);
  // Until its checkpoint is loaded, a run that goes on from one says 0.
  return report.step === 0 ? (job.first_step ?? 0) : report.step;
}
