// The agent's parts put together: everything that touches files, processes and the GPU.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../shared/log.ts";
import type { Serve } from "../shared/served-calls.ts";
import { agentHealth } from "../shared/tools/system.ts";
import { FileHashes } from "./files/file-hashes.ts";
import { removeLeftovers } from "./files/leftovers.ts";
import { Trash } from "./files/trash.ts";
import { GpuWatch } from "./gpus/gpu-watch.ts";
import { healthCheck } from "./health.ts";
import { CallStore } from "./idempotency/call-store.ts";
import { runOnce } from "./idempotency/run-once.ts";
import { machineIdOf } from "./machine-id.ts";
import type { Options } from "./options.ts";
import { createFolders, type Paths, pathsOf } from "./paths.ts";
import { rehearsalCommand } from "./program.ts";
import { createRunner } from "./runner.ts";
import type { ForeignRuns } from "./tools/adoption/foreign-runs.ts";
import { CheckProcess } from "./tools/datasets/check/check-process.ts";
import { Turns } from "./tools/datasets/turns.ts";
import { FolderWatch } from "./tools/queue/folder-watch.ts";
import type { SystemMonitor } from "./tools/system/system-monitor.ts";
import { Housekeeping } from "./tools/training/housekeeping.ts";
import { inUseOf } from "./tools/training/in-use.ts";
import { JobStore } from "./tools/training/job-store.ts";
import type { LogLimits } from "./tools/training/log-limits.ts";
import { removeOldJobFolders } from "./tools/training/old-job-folders.ts";
import { identify, type ProcessIdentity } from "./tools/training/process.ts";
import { stopGrace } from "./tools/training/stopping.ts";
import { Supervisor } from "./tools/training/supervisor.ts";
import { resolveTrainer, type TrainerOptions } from "./trainer/trainer.ts";
import type { Cleaned } from "./transfers/clean-staging.ts";
import type { Files } from "./transfers/files.ts";
import { LinkStore } from "./transfers/link-store.ts";

/** Trash and logs grow old also while nobody restarts the agent. */
const TIDY_MS = 6 * 60 * 60 * 1000;

export interface Agent {
  /** Runs a call that has a key once, however often it comes. */
  readonly serve: Serve;
  /** The files that links lead to. Loaded with the first question, as the tools are. */
  readonly files: () => Promise<Files>;
  /** Of the state folder. */
  readonly machineId: string;
  /** Resolves after one more round over all runs: supervision is not stuck. */
  check(): Promise<void>;
  /** Leaves the runs alone: they go on, and the next agent finds them. */
  close(): Promise<void>;
}

/** @throws Error when the data folder cannot be used */
export async function createAgent(options: Options, log: Log): Promise<Agent> {
  const paths = pathsOf(options);
  await createFolders(paths);
  const store = new JobStore(paths.db);
  const trash = new Trash(paths.trash);
  const trainer: TrainerOptions = {
    choice: options.trainer,
    toolkitFolders: options.toolkitFolders,
    python: options.python,
    rehearsalCommand: rehearsalCommand(),
  };
  const gpus = new GpuWatch();
  const now = () => new Date();
  let foreign: Promise<ForeignRuns> | undefined;
  const loadForeign = () => {
    foreign ??= import("./tools/adoption/foreign-runs.ts").then(
      ({ ForeignRuns }) =>
        new ForeignRuns({
          paths,
          toolkitFolders: options.toolkitFolders,
          ownFolders: () => store.usedFolders(),
          gpus: () => gpus.latest,
          now,
        }),
    );
    foreign.catch(() => {
      foreign = undefined; // too many open files, say: the next look tries again
    });
    return foreign;
  };
  const folders = new FolderWatch(async (folder) => (await loadForeign()).writer(folder));
  const inUse = inUseOf(store, async () => (await loadForeign()).users());
  const housekeeping = new Housekeeping({
    store,
    jobsPath: paths.jobs,
    lockPath: join(paths.state, "log-rotation.lock"),
    maxLogBytes: options.logs.maxBytes,
    log,
  });
  const supervisor = new Supervisor({
    store,
    gpus,
    jobsPath: paths.jobs,
    trainer: () => resolveTrainer(trainer),
    log,
    grace: stopGrace(options.stopGraceSeconds),
    ended: (job) => housekeeping.ended(job),
    folders,
  });
  const health = healthCheck({ paths, store, trainer, lastError: () => supervisor.lastError });
  const hashes = new FileHashes();
  const turns = new Turns();
  const checks = new CheckProcess(paths);
  const machineId = await machineIdOf(paths.machineId);
  let linkStore: LinkStore | undefined;
  const links = () => (linkStore ??= new LinkStore(paths.links, machineId)); // most agents are only looked at
  // The tools and their libraries take longer to load than all the rest: they come with the first call, so that a
  // restarted agent is there at once.
  let loading: Promise<{ readonly run: Serve; readonly stats: SystemMonitor }> | undefined;
  const load = async () => {
    const [{ createHandlers }, { SystemMonitor }] = await Promise.all([
      import("./tools/index.ts"),
      import("./tools/system/system-monitor.ts"),
    ]);
    const stats = new SystemMonitor({ path: paths.output });
    const handlers = createHandlers({
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
      trainer: () => resolveTrainer(trainer),
      now,
      inUse,
      foreign: await loadForeign(),
      folders,
      checks,
    });
    return { run: createRunner(handlers, options.trainer), stats };
  };
  const run: Serve = async (tool, input, context) => {
    if (tool === agentHealth.name) return health();
    loading ??= load();
    loading.catch(() => {
      loading = undefined; // too many open files, say: the next call tries again
    });
    return (await loading).run(tool, input, context);
  };
  let files: Promise<Files> | undefined;
  const loadFiles = () => {
    files ??= import("./transfers/files.ts").then(
      ({ Files }) =>
        new Files({
          paths,
          hashes,
          links,
          jobOf: (id) => store.get(id),
          trash,
          inUse,
          turns,
          self,
          onBug: (err) => log.error({ err }, "a transfer failed"),
        }),
    );
    files.catch(() => {
      files = undefined; // likewise
    });
    return files;
  };
  let calls: CallStore | undefined;
  const callStore = () => (calls ??= new CallStore(paths.calls));
  const self = await identify(process.pid);
  await supervisor.start();
  housekeeping.start();
  // Big folders take a while to look through; nobody has to wait for it.
  const closing = new AbortController();
  // Nobody waits for it: how it goes, the link tells.
  const goOn = (linkId: string) =>
    void loadFiles()
      .then((loaded) => loaded.goOn(linkId))
      .catch((err: unknown) => log.warn({ err }, "an upload was not unpacked"));
  const tidy = () =>
    tidyUp({ paths, trash, store, links, self, goOn }, options.logs, log, closing.signal).catch(
      (err: unknown) => log.warn({ err }, "tidying up failed"),
    );
  let tidying = tidy();
  const tidyTimer = setInterval(() => {
    tidying = tidying.then(tidy);
  }, TIDY_MS).unref();
  return {
    serve: runOnce(run, callStore, self),
    files: loadFiles,
    machineId,
    check: () => supervisor.look(),
    async close() {
      closing.abort();
      clearInterval(tidyTimer);
      await supervisor[Symbol.asyncDispose]();
      await gpus.close();
      await housekeeping[Symbol.asyncDispose]();
      await (await loading)?.stats.close();
      await checks[Symbol.asyncDispose]();
      // At most the removal of one thing; a big data set takes as long as the disk needs.
      await tidying;
      await (await files)?.close();
      hashes.close();
      linkStore?.[Symbol.dispose]();
      calls?.[Symbol.dispose]();
      store[Symbol.dispose]();
    },
  };
}

interface Tidied {
  readonly paths: Paths;
  readonly trash: Trash;
  readonly store: JobStore;
  readonly links: () => LinkStore;
  readonly self: ProcessIdentity;
  readonly goOn: (linkId: string) => void;
}

async function tidyUp(
  { paths, trash, store, links, self, goOn }: Tidied,
  limits: LogLimits,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const purged = await trash.purge(signal);
  const jobs = await removeOldJobFolders({ jobsPath: paths.jobs, store, limits, signal });
  const { forgotten: uploads, trees } = await forgetUploads(paths, links, self, goOn);
  let leftovers = 0;
  const exports = paths.exportRoots.map(({ path }) => path);
  for (const folder of [paths.config, paths.datasets, paths.output, paths.outputs, ...exports]) {
    leftovers += await removeLeftovers(folder, signal, trees);
  }
  if (purged + jobs + uploads + leftovers > 0) {
    log.info({ purged, jobs, uploads, leftovers }, "old trash, old logs and unfinished files removed");
  }
}

/** What a crash left of uploads, and what nobody can send the rest of any more. */
async function forgetUploads(
  paths: Paths,
  links: () => LinkStore,
  self: ProcessIdentity,
  goOn: (linkId: string) => void,
): Promise<Cleaned> {
  if ((await readdir(paths.staging)).length === 0) return { forgotten: 0, trees: new Set() };
  const { cleanStaging } = await import("./transfers/clean-staging.ts");
  return await cleanStaging(paths, self, (id) => links().live(id) !== undefined, goOn);
}
