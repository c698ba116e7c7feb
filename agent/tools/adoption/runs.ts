// All runs that can be looked at: our own jobs, and those that others have started.
import { ToolError } from "../../../shared/errors.ts";
import type { JobStatus } from "../../../shared/tools/training.ts";
import { atOnce } from "../../files/at-once.ts";
import { pageOf } from "../page.ts";
import type { Job, JobStore } from "../training/job-store.ts";
import { type ForeignRun, isForeign } from "../training/run.ts";
import type { ForeignRuns } from "./foreign-runs.ts";
import type { FoundRun } from "./found-run.ts";

export interface RunList {
  /** The newest first. */
  readonly runs: readonly Job[];
  readonly more: { readonly total: number; readonly next_cursor?: string };
  /** What could not be looked at. */
  readonly problems: readonly string[];
}

/** Nobody pages further back. */
const DEPTH_MAX = 100_000;
/** Folders that are read at once: four of them keep libuv busy. */
const AT_ONCE = 8;

export class Runs {
  readonly #store: JobStore;
  readonly #foreign: Pick<ForeignRuns, "survey" | "find" | "open">;

  constructor(store: JobStore, foreign: Pick<ForeignRuns, "survey" | "find" | "open">) {
    this.#store = store;
    this.#foreign = foreign;
  }

  async get(id: string): Promise<Job | undefined> {
    return this.#store.get(id) ?? (await this.#foreign.find(id));
  }

  /** @throws ToolError not_found */
  async getOrThrow(id: string): Promise<Job> {
    const run = await this.get(id);
    if (!run)
      throw new ToolError("not_found", "Job not found", { hint: "list_training_jobs shows all jobs" });
    return run;
  }

  /** A job that tools may change. @throws ToolError not_found, or conflict for a run of somebody else's */
  async ownOrThrow(id: string): Promise<Job> {
    const run = await this.getOrThrow(id);
    refuseForeign(run);
    return run;
  }

  /** @param cursor the id of the run after which to begin */
  async list(limit: number, status?: JobStatus, cursor?: string): Promise<RunList> {
    const { runs: found, problems } = await this.#foreign.survey();
    const matching = status === undefined ? found : await this.#withStatus(found, status);
    // One more, to know that there are more.
    const own = this.#store.list(cursor === undefined ? limit + 1 : DEPTH_MAX, status);
    const { items, more } = pageOf(merged(own, matching), ({ id }) => id, { limit, cursor });
    const runs = new Array<Job>(items.length);
    await atOnce(items.entries(), AT_ONCE, async ([index, each]) => {
      runs[index] = "state" in each ? await this.#foreign.open(each) : each;
    });
    const total = this.#store.count(status) + matching.length;
    return { runs, more: { ...more, total }, problems };
  }

  async count(status?: "running" | "pending"): Promise<number> {
    const { runs } = await this.#foreign.survey();
    const found = status === undefined ? runs : runs.filter(({ state }) => state === status);
    return this.#store.count(status) + found.length;
  }

  async #withStatus(found: readonly FoundRun[], status: JobStatus): Promise<FoundRun[]> {
    if (status === "pending" || status === "running") return found.filter(({ state }) => state === status);
    const matching = new Set<FoundRun>();
    await atOnce(
      found.filter(({ state }) => state === "ended"),
      AT_ONCE,
      async (each) => {
        if ((await this.#foreign.open(each)).status === status) matching.add(each);
      },
    );
    return found.filter((each) => matching.has(each)); // in their order
  }
}

/** Both sorted by when they were made, the newest first. */
function merged(own: readonly Job[], found: readonly FoundRun[]): (Job | FoundRun)[] {
  const all: (Job | FoundRun)[] = [];
  const rest = [...found];
  for (const job of own) {
    const older = rest.findIndex(({ createdMs }) => createdMs <= Date.parse(job.created_at));
    all.push(...rest.splice(0, older < 0 ? rest.length : older), job);
  }
  return [...all, ...rest];
}

const WHERE = {
  "web-ui": (name: string) => `Do it in the ai-toolkit web UI, in its job '${name}'`,
  folder: (_: string, pid: number | null) =>
    pid === null
      ? "Nothing of it runs. To go on from it, start_training with a configuration of its name and resume: true"
      : `Do it where it was started; its process is ${pid}`,
} as const;

/** For tools that change a run. @throws ToolError conflict for one that is not ours, saying where it can be changed */
export function refuseForeign(run: Job | undefined): void {
  if (!run || !isForeign(run)) return;
  throw new ToolError("conflict", notOurs(run), { hint: WHERE[run.origin](run.config, run.pid) });
}

function notOurs({ origin }: ForeignRun): string {
  return origin === "web-ui"
    ? "This is a job of the ai-toolkit web UI: it can be looked at here, not changed"
    : "This run was not started by this server: it can be looked at here, not changed";
}
