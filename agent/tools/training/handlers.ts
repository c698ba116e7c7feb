// Starting, watching and stopping training.
import type { Handlers } from "../../../shared/contract.ts";
import { softError, ToolError } from "../../../shared/errors.ts";
import type { trainingTools } from "../../../shared/tools/training.ts";
import { type Runs, refuseForeign } from "../adoption/runs.ts";
import { factsOf, foreignFacts, lookAtQueue, type QueueParts, queueFacts } from "../queue/queue-view.ts";
import { FRESH_MS } from "../queue/starter.ts";
import { controlHandlers } from "./control-handlers.ts";
import { type LogTail, tailLog } from "./log-file.ts";
import { lookHandlers } from "./look-handlers.ts";
import { refuseUnknown } from "./requests.ts";
import { isForeign, sourceOf } from "./run.ts";
import { GPUS_WAIT_MS, queueJob, type StartParts } from "./start.ts";
import type { StatusReader } from "./status.ts";
import { stopReport } from "./stop-report.ts";
import type { Supervisor } from "./supervisor.ts";

export interface TrainingParts extends StartParts, QueueParts {
  readonly runs: Runs;
  readonly supervisor: Supervisor;
  readonly reader: StatusReader;
  readonly counts: () => Promise<{
    readonly configs: number;
    readonly datasets: number;
    readonly models: number;
  }>;
}

/** A stop is waited for as long as an answer may take; then it goes on in the background. */
const STOP_ANSWER_MS = 8_000;

const NO_LOG: LogTail = { lines: [], bytes: 0 };
const FIND_JOBS = "list_training_jobs shows all jobs";

export const trainingHandlers = (parts: TrainingParts): Handlers<typeof trainingTools> => {
  const { runs, store, jobsPath, gpus, supervisor, reader, counts } = parts;
  return {
    ...lookHandlers(parts),
    ...controlHandlers(parts),

    async start_training({ config_name, ...wish }) {
      const { job, warnings, resumesFrom } = await queueJob(parts, { config: config_name, ...wish });
      await supervisor.look();
      if (!job.held && store.get(job.id)?.status === "pending") {
        // Between our look at the GPUs and its turn something may have ended on them.
        await gpus.within(FRESH_MS, GPUS_WAIT_MS);
        await supervisor.look();
      }
      const started = store.get(job.id) ?? job;
      if (started.status === "failed") {
        throw new ToolError("internal", `Failed to start training: ${started.reason}`, {
          hint: started.hint ?? undefined,
        });
      }
      return {
        job_id: job.id,
        pid: started.pid,
        status: "success",
        state: started.status === "pending" ? "queued" : "running",
        queue_position: store.queuePosition(job.id),
        ...(await queueFacts(parts, started)),
        ...(wish.resume && { resumes_from: resumesFrom }),
        ...(warnings.length > 0 && { warnings: [...warnings] }),
      };
    },

    async get_training_status({ job_id }) {
      const job = await runs.get(job_id);
      if (!job) {
        const message = "Job not found";
        throw new ToolError("not_found", message, { body: { message, status: "error" }, hint: FIND_JOBS });
      }
      return reader.status(job);
    },

    async stop_training({ job_id, save }, { signal }) {
      const job = await runs.get(job_id);
      refuseForeign(job);
      if (job?.status !== "running" && job?.status !== "pending") {
        const how = job ? `it is ${job.status} already` : FIND_JOBS;
        throw softError(job ? "conflict" : "not_found", "Job not found or already stopped", {}, how);
      }
      if (save && job.status === "running") {
        refuseUnknown(job, "save_now", "Stop it without save: it goes on from its last checkpoint later");
      }
      supervisor.requestStop(job_id, save);
      await supervisor.ended(job_id, AbortSignal.any([signal, AbortSignal.timeout(STOP_ANSWER_MS)]));
      const { status, step } = await reader.summary(store.get(job_id) ?? job);
      const state = status === "running" || status === "pending" ? "stopping" : status;
      return { job_id, status: "success", state, ...(await stopReport(store, job, step ?? null)) };
    },

    async list_training_jobs({ limit, status, cursor }) {
      const { runs: found, more, problems } = await runs.list(limit, status, cursor);
      const { waiting } = found.some((job) => job.status === "pending")
        ? await lookAtQueue(parts)
        : { waiting: [] };
      const jobs = await Promise.all(
        found.map(async (job) => ({
          ...(await reader.summary(job)),
          ...(isForeign(job) ? foreignFacts(job) : factsOf(waiting, job, gpus.latest)),
        })),
      );
      return { jobs, ...more, ...(problems.length > 0 && { warnings: [...problems] }) };
    },

    async get_training_logs({ job_id, lines }) {
      const job = await runs.get(job_id);
      if (!job) {
        throw softError("not_found", "Job not found", { job_id, lines: 0, logs: [] }, FIND_JOBS);
      }
      const { log } = sourceOf(jobsPath, job);
      const tail = log === null ? NO_LOG : await tailLog(log, lines);
      return {
        job_id,
        logs: [...tail.lines],
        total_lines: tail.lines.length,
        lines: tail.lines.length,
        log_bytes: tail.bytes,
        log_path: log,
      };
    },

    async get_training_info() {
      return {
        active_jobs: await runs.count("running"),
        queued_jobs: await runs.count("pending"),
        total_jobs: await runs.count(),
        ...(await counts()),
      };
    },
  };
};
