// What this machine can do right now, found out and not assumed.
import { randomUUID } from "node:crypto";
import { statfs, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type * as v from "valibot";
import type { agentHealth } from "../shared/tools/system.ts";
import { PARTIAL_PREFIX } from "./files/atomic.ts";
import type { Paths } from "./paths.ts";
import type { JobStore } from "./tools/training/job-store.ts";
import { findToolkit, type TrainerOptions } from "./trainer/trainer.ts";

type Health = v.InferInput<(typeof agentHealth)["output"]>;

/** Below this a checkpoint of a usual LoRA with its optimizer state may not fit. */
const LOW_DISK_BYTES = 2 * 1024 ** 3;

export interface HealthParts {
  readonly paths: Paths;
  readonly store: JobStore;
  readonly trainer: TrainerOptions;
  readonly lastError: () => string | null;
}

async function checkDisk(folder: string): Promise<Health["disk"] & { problem?: string }> {
  const probe = join(folder, `${PARTIAL_PREFIX}${randomUUID()}`);
  try {
    await writeFile(probe, "probe");
    await unlink(probe);
    const { bavail, bsize } = await statfs(folder);
    const free = bavail * bsize;
    return {
      writable: true,
      free_bytes: free,
      ...(free < LOW_DISK_BYTES && {
        problem: `Only ${Math.floor(free / 1024 ** 2)} MiB are free on the disk of ${folder}`,
      }),
    };
  } catch (error) {
    return {
      writable: false,
      free_bytes: null,
      problem: `${folder} cannot be written: ${(error as Error).message}`,
    };
  }
}

export const healthCheck =
  ({ paths, store, trainer, lastError }: HealthParts) =>
  async (): Promise<Health> => {
    const [toolkit, { problem: diskProblem, ...disk }] = await Promise.all([
      findToolkit(trainer),
      checkDisk(paths.output),
    ]);
    const rehearsal = trainer.choice === "rehearsal";
    const problems = [
      !toolkit && !rehearsal && `No ai-toolkit: there is no run.py in ${trainer.toolkitFolders.join(" or ")}`,
      toolkit &&
        !toolkit.python &&
        !rehearsal &&
        `No Python for ai-toolkit in ${toolkit.path}: make its venv`,
      diskProblem,
    ].filter((problem) => typeof problem === "string");
    return {
      trainer: rehearsal ? "rehearsal" : toolkit?.python ? "ai-toolkit" : null,
      toolkit: {
        found: toolkit !== undefined,
        path: toolkit?.path ?? trainer.toolkitFolders[0],
        version: toolkit?.version ?? null,
      },
      python: { found: Boolean(toolkit?.python), path: toolkit?.python ?? null },
      disk,
      jobs: { running: store.count("running"), queued: store.count("pending") },
      last_error: lastError(),
      problems,
    };
  };
