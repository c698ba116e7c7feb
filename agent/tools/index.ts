// All handlers, built from the agent's parts.
import type { FileHashes } from "../files/file-hashes.ts";
import type { Trash } from "../files/trash.ts";
import type { GpuWatch } from "../gpus/gpu-watch.ts";
import type { InUse } from "../in-use.ts";
import type { Paths } from "../paths.ts";
import type { AllHandlers } from "../runner.ts";
import type { Trainer } from "../trainer/trainer.ts";
import type { LinkStore } from "../transfers/link-store.ts";
import type { ForeignRuns } from "./adoption/foreign-runs.ts";
import { Runs } from "./adoption/runs.ts";
import { countConfigs, readConfigFile } from "./configs/config-file.ts";
import { configHandlers } from "./configs/handlers.ts";
import { captionHandlers, captionRestorer } from "./datasets/captions/handlers.ts";
import type { CheckProcess } from "./datasets/check/check-process.ts";
import { datasetHandlers } from "./datasets/handlers.ts";
import type { Turns } from "./datasets/turns.ts";
import { datasetViewHandlers } from "./datasets/view/handlers.ts";
import { historyHandlers } from "./history/handlers.ts";
import { modelHandlers } from "./models/handlers.ts";
import type { Request } from "./preflight/facts.ts";
import { preflightHandlers } from "./preflight/handlers.ts";
import { preflight } from "./preflight/preflight.ts";
import type { FolderWatch } from "./queue/folder-watch.ts";
import { queueHandlers } from "./queue/handlers.ts";
import { queueFacts } from "./queue/queue-view.ts";
import { FRESH_MS } from "./queue/starter.ts";
import { systemHandlers } from "./system/handlers.ts";
import type { SystemMonitor } from "./system/system-monitor.ts";
import { trainingHandlers } from "./training/handlers.ts";
import type { Job, JobStore } from "./training/job-store.ts";
import { jobsView } from "./training/jobs-view.ts";
import { GPUS_WAIT_MS } from "./training/start.ts";
import { createStatusReader } from "./training/status.ts";
import type { Supervisor } from "./training/supervisor.ts";
import { watchHandlers } from "./training/watch-jobs.ts";
import { linkHandlers } from "./transfers/handlers.ts";
import { trashHandlers } from "./trash/handlers.ts";

export interface HandlerParts {
  readonly paths: Paths;
  readonly trash: Trash;
  readonly store: JobStore;
  readonly supervisor: Supervisor;
  readonly gpus: GpuWatch;
  readonly stats: SystemMonitor;
  readonly hashes: FileHashes;
  readonly links: () => LinkStore;
  /** Whatever changes one data set takes turns. */
  readonly turns: Turns;
  readonly health: AllHandlers["agent_health"];
  /** @throws ToolError trainer_missing */
  readonly trainer: () => Promise<Trainer>;
  readonly now: () => Date;
  readonly inUse: InUse;
  readonly foreign: ForeignRuns;
  readonly folders: FolderWatch;
  readonly checks: Pick<CheckProcess, "check">;
}

export function createHandlers(parts: HandlerParts): AllHandlers {
  const {
    paths,
    trash,
    store,
    supervisor,
    gpus,
    stats,
    hashes,
    links,
    turns,
    health,
    trainer,
    now,
    inUse,
    foreign,
    folders,
    checks,
  } = parts;
  const runs = new Runs(store, foreign);
  const queue = {
    store,
    gpus,
    folders,
    now,
    etaSeconds: async (job: Job) => (await reader.status(job)).eta_seconds,
  };
  const reader = createStatusReader({
    store,
    jobsPath: paths.jobs,
    now,
    gpus: () => stats.gpus().devices,
    queueFacts: (job) => queueFacts(queue, job),
  });
  const configs = configHandlers({ paths, inUse, trash });
  const datasetParts = { paths, inUse, trash, turns };
  const datasets = datasetHandlers(datasetParts);
  const models = modelHandlers({
    paths,
    inUse,
    trash,
    hashes,
    jobs: async () => {
      const theirs = await foreign.idsByFolder();
      return (folder) => store.byOutputFolder(folder)?.id ?? theirs.get(folder);
    },
  });
  const unhurried = { signal: new AbortController().signal, progress: () => {} };
  const machine = {
    paths,
    environment: process.env,
    trainer,
    gpus: () => gpus.within(FRESH_MS, GPUS_WAIT_MS),
    jobs: jobsView(store, folders, (folder) => foreign.writer(folder)),
  };
  const checkRun = async (request: Request) =>
    preflight(await readConfigFile(paths, request.config), machine, request);
  const training = trainingHandlers({
    ...queue,
    runs,
    supervisor,
    reader,
    jobsPath: paths.jobs,
    root: paths.root,
    preflight: checkRun,
    counts: async () => ({
      configs: await countConfigs(paths),
      datasets: countOf(await datasets.list_datasets({}, unhurried), "datasets"),
      models: countOf(await models.list_exported_models({}, unhurried), "models"),
    }),
  });
  return {
    ...configs,
    ...datasets,
    ...training,
    ...watchHandlers({ store, reader }),
    ...preflightHandlers({ preflight: checkRun, gpus: machine.gpus }),
    ...queueHandlers({ ...queue, supervisor, runs }),
    ...historyHandlers({ runs, store, jobsPath: paths.jobs, reader, now }),
    ...models,
    ...captionHandlers(datasetParts),
    check_dataset: (input, context) => checks.check(input, context),
    ...datasetViewHandlers(paths),
    ...linkHandlers({ paths, hashes, links, jobOf: (id) => store.get(id) }),
    ...trashHandlers({ trash, restoreCaptions: captionRestorer(datasetParts) }),
    ...systemHandlers({ stats, health }),
  };
}

/** Of a list that may be only the first page. */
const countOf = <K extends string>(
  list: { readonly [key in K]: readonly unknown[] } & { readonly total?: number | undefined },
  key: K,
): number => list.total ?? list[key].length;
