// Asking a running training for something, and waiting for it.
import { setTimeout as delay } from "node:timers/promises";
import type { CallContext, Handlers } from "../../../shared/contract.ts";
import { ToolError } from "../../../shared/errors.ts";
import type { sampleNow, saveCheckpointNow, waitForTraining } from "../../../shared/tools/training.ts";
import type { QueueParts } from "../queue/queue-view.ts";
import { isSaving } from "./is-saving.ts";
import { jobFolder } from "./job-folder.ts";
import type { Job } from "./job-store.ts";
import type { LookParts } from "./look-handlers.ts";
import { refuseUnknown } from "./requests.ts";
import { isForeign } from "./run.ts";
import { countSamples, listCheckpoints } from "./run-files.ts";
import type { StatusReader } from "./status.ts";
import type { Supervisor } from "./supervisor.ts";
import { readReport, requestOf } from "./trainer-report.ts";

export interface ControlParts extends LookParts, QueueParts {
  readonly supervisor: Supervisor;
  readonly reader: StatusReader;
}

/** How long an answer waits for what was asked for; a slow step takes longer, and that is said. */
const ANSWER_MS = 8_000;
const WATCH_MS = 100;
/** How often a wait looks at the run and tells of its progress. */
const PROGRESS_MS = 1_000;

/** @throws ToolError conflict when the run cannot be asked */
async function trainingJob(
  { runs, jobsPath }: LookParts,
  id: string,
  request: "save_now" | "sample_now",
): Promise<Job> {
  const job = await runs.ownOrThrow(id);
  if (job.status !== "running") {
    throw new ToolError("conflict", `The job is ${job.status}, only a running one can be asked`);
  }
  refuseUnknown(
    job,
    request,
    "Update ai-toolkit (git pull in its folder): runs that are started then can be asked",
  );
  const report = readReport(jobFolder(jobsPath, id).database, id);
  if (!report?.info) {
    throw new ToolError("conflict", "The run has not come that far: it acts on requests once it trains", {
      hint: "Try again when get_training_status says phase training",
    });
  }
  return job;
}

async function until(isSo: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const end = performance.now() + ANSWER_MS;
  while (performance.now() < end && !signal.aborted) {
    if (await isSo()) return true;
    await delay(WATCH_MS);
  }
  return false;
}

type ControlTools = readonly [typeof saveCheckpointNow, typeof sampleNow, typeof waitForTraining];

export const controlHandlers = (parts: ControlParts): Handlers<ControlTools> => {
  const { runs, jobsPath, supervisor, reader } = parts;
  return {
    async save_checkpoint_now({ job_id }, { signal }) {
      const job = await trainingJob(parts, job_id, "save_now");
      const newest = async () => (await listCheckpoints(job.output_folder, job.name))[0];
      const before = await newest();
      requestOf(jobFolder(jobsPath, job_id).database, job_id, "save_now");
      // The file appears before it is whole; it is whole when the trainer goes on.
      const saved = await until(async () => {
        const after = await newest();
        const isNew =
          after !== undefined && (after.name !== before?.name || after.mtimeMs !== before.mtimeMs);
        return isNew && !(await isSaving(jobFolder(jobsPath, job_id), job));
      }, signal);
      const after = saved ? await newest() : undefined;
      return {
        job_id,
        status: "success",
        state: saved ? "saved" : "requested",
        checkpoint: after ? { name: after.name, step: after.step } : null,
      };
    },

    async sample_now({ job_id }, { signal }) {
      const job = await trainingJob(parts, job_id, "sample_now");
      const before = await countSamples(job.output_folder);
      requestOf(jobFolder(jobsPath, job_id).database, job_id, "sample_now");
      const sampled = await until(async () => {
        const report = readReport(jobFolder(jobsPath, job_id).database, job_id);
        // A row that cannot be read this moment may say that it still draws.
        return (
          report !== undefined &&
          !report.info.startsWith("Generating images") &&
          (await countSamples(job.output_folder)) > before
        );
      }, signal);
      return {
        job_id,
        status: "success",
        state: sampled ? "sampled" : "requested",
        samples: await countSamples(job.output_folder),
      };
    },

    async wait_for_training({ job_id, seconds }, context) {
      const job = await runs.getOrThrow(job_id);
      const time = AbortSignal.timeout(seconds * 1_000);
      const over = new AbortController();
      // Progress is a courtesy: what goes wrong with it shows in the answer, or not at all.
      const telling = tellProgress(parts, job_id, context, over.signal).catch(() => {});
      const until = AbortSignal.any([context.signal, time]);
      const ended = isForeign(job)
        ? await foreignEnded(parts, job_id, until)
        : await supervisor.ended(job_id, until);
      over.abort();
      await telling;
      return { ...(await reader.status(await runs.getOrThrow(job_id))), ended };
    },
  };
};

/** Nobody tells us when the run of somebody else ends. @returns false when `signal` fired first */
async function foreignEnded({ runs }: ControlParts, id: string, signal: AbortSignal): Promise<boolean> {
  for (;;) {
    const { status } = await runs.getOrThrow(id);
    if (status !== "running" && status !== "pending") return true;
    if (signal.aborted) return false;
    await delay(PROGRESS_MS, undefined, { signal }).catch(() => {}); // the wait is over
  }
}

/** Sends "step 420/2000, loss 0.081" while it goes on; progress must grow, so a run that stands still sends nothing. */
async function tellProgress(
  { runs, reader }: ControlParts,
  id: string,
  { progress }: CallContext,
  signal: AbortSignal,
): Promise<void> {
  let told = -1;
  while (!signal.aborted) {
    const { step, total_steps, loss, phase } = await reader.status(await runs.getOrThrow(id));
    if (step !== null && step > told) {
      told = step;
      const figures = total_steps === null ? `step ${step}` : `step ${step}/${total_steps}`;
      const message =
        phase === "training" && loss !== null
          ? `${figures}, loss ${loss.toFixed(3)}`
          : `${figures}, ${phase}`;
      progress({ progress: step, ...(total_steps !== null && { total: total_steps }), message });
    }
    await delay(PROGRESS_MS, undefined, { signal }).catch(() => {}); // the wait is over
  }
}
