// The runs on this machine that are not ours: folders that trainings have left, and jobs of ai-toolkit's web UI. A job of
// the UI and the folder that it writes are one run.
import { createHash } from "node:crypto";
import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { isInside } from "../../files/sandbox.ts";
import type { GpuSnapshot } from "../../gpus/gpu.ts";
import type { Paths } from "../../paths.ts";
import type { Writer } from "../preflight/facts.ts";
import type { FolderUser } from "../training/in-use.ts";
import { exists } from "../training/process.ts";
import type { ForeignRun } from "../training/run.ts";
import { FolderFactsCache } from "./folder-facts.ts";
import { folderUsers } from "./folder-users.ts";
import { foreignRun } from "./foreign-run.ts";
import type { FoundRun, Survey } from "./found-run.ts";
import { type LiveTrainer, LiveTrainers, liveTitle } from "./live-trainers.ts";
import { RunFolders } from "./run-folders.ts";
import { type UiDatabase, UiDatabases, type UiJob, uiJobPath } from "./ui-database.ts";
import { uiState, uiTitle } from "./ui-status.ts";

export interface ForeignParts {
  readonly paths: Paths;
  /** Folders that may hold the toolkit, and with it the database of its web UI. */
  readonly toolkitFolders: readonly string[];
  /** Output folders of our own jobs. */
  readonly ownFolders: () => ReadonlySet<string>;
  readonly gpus: () => GpuSnapshot | undefined;
  readonly now: () => Date;
}

/** Lists and the looks that follow them come in bursts. */
const FRESH_MS = 1_000;
const ID_CHARS = 16;

/** Says nothing of the path, and only what was found has one. */
const idOf = (origin: ForeignRun["origin"], key: string) =>
  `${origin}-${createHash("sha256").update(`${origin}\0${key}`).digest("hex").slice(0, ID_CHARS)}`;

/** Of a folder that may not be made yet. */
async function realPathOf(folder: string): Promise<string> {
  const real = await realpath(folder).catch(() => undefined); // not there yet
  if (real !== undefined) return real;
  const parent = await realpath(dirname(folder)).catch(() => dirname(folder));
  return join(parent, basename(folder));
}

export class ForeignRuns {
  readonly #parts: ForeignParts;
  readonly #folders: RunFolders;
  readonly #databases: UiDatabases;
  readonly #facts: FolderFactsCache;
  readonly #trainers = new LiveTrainers();
  #latest: { readonly atMs: number; readonly survey: Promise<Survey> } | undefined;

  constructor(parts: ForeignParts) {
    this.#parts = parts;
    const { output, outputs, root } = parts.paths;
    this.#folders = new RunFolders([
      { name: "output", path: output },
      { name: "outputs", path: outputs },
    ]);
    this.#databases = new UiDatabases([...new Set(parts.toolkitFolders.map((path) => resolve(path)))]);
    this.#facts = new FolderFactsCache(root);
  }

  /** All of them, as they were at most `maxAgeMs` ago. */
  survey(maxAgeMs = FRESH_MS): Promise<Survey> {
    const nowMs = performance.now();
    if (this.#latest && nowMs - this.#latest.atMs <= maxAgeMs) return this.#latest.survey;
    const survey = this.#look();
    this.#latest = { atMs: nowMs, survey };
    survey.catch(() => {
      this.#latest = undefined; // too many open files, say: the next one tries again
    });
    return survey;
  }

  async find(id: string): Promise<ForeignRun | undefined> {
    if (!/^(folder|web-ui)-/.test(id)) return undefined;
    const found = (await this.survey()).runs.find((run) => run.id === id);
    return found && (await this.open(found));
  }

  async open(found: FoundRun): Promise<ForeignRun> {
    const facts = found.folder === undefined ? undefined : await this.#facts.get(found.folder);
    return foreignRun(found, facts, this.#parts.gpus());
  }

  /** Who trains in this folder, or waits to; as it is now. */
  async writer(folder: string): Promise<Writer | undefined> {
    const { runs, trainers } = await this.survey(0);
    const real = await realPathOf(folder);
    const isIt = async (path: string | undefined) => path !== undefined && (await realPathOf(path)) === real;
    for (const trainer of trainers) {
      for (const path of trainer.folders) {
        if (!(await isIt(path))) continue;
        const run = runs.find((each) => each.trainer === trainer);
        return { jobId: run?.id ?? null, title: liveTitle(trainer), state: "writing" };
      }
    }
    for (const { id, name, folder: path, state } of runs) {
      if (state === "ended" || !(await isIt(path))) continue;
      return { jobId: id, title: uiTitle(name), state: state === "running" ? "writing" : "waiting" };
    }
    return undefined;
  }

  /** What the unfinished ones read and write; as it is now. */
  async users(): Promise<FolderUser[]> {
    return folderUsers(await this.survey(0), (found) => this.open(found));
  }

  /** The id of the run that a folder is of. */
  async idsByFolder(): Promise<ReadonlyMap<string, string>> {
    const { runs } = await this.survey();
    return new Map(runs.flatMap(({ id, folder }) => (folder === undefined ? [] : [[folder, id] as const])));
  }

  async #look(): Promise<Survey> {
    const { paths, ownFolders, now } = this.#parts;
    const ours = ownFolders();
    const databases = this.#databases.read();
    const [folders, trainers] = await Promise.all([
      this.#folders.list((path) => ours.has(path)),
      this.#trainers.look((config) => isInside(paths.jobs, config)),
    ]);
    const jobs = databases.flatMap((database) =>
      database.jobs.map((job) => ({ job, database, folder: uiJobPath(database, job.name) })),
    );
    const fromUi = jobs
      .map(({ job, database, folder }) => this.#uiRun(job, database, folder, trainers, now().getTime()))
      .filter(({ job, folder, state }) => {
        // Of a folder that a job of ours went on in, ours tells; but what the UI does to it now must be seen.
        return job?.isTraining && (state !== "ended" || folder === undefined || !ours.has(folder));
      });
    const ofUi = new Set(jobs.map(({ folder }) => folder));
    const found = folders
      .filter(({ path }) => !ofUi.has(path))
      .map(({ path, key, createdMs }): FoundRun => {
        const trainer = trainers?.find((each) => each.folders.includes(path));
        return {
          id: idOf("folder", key),
          origin: "folder",
          name: key.slice(key.indexOf("/") + 1),
          folder: path,
          createdMs,
          state: trainer ? "running" : "ended",
          trainer,
          job: undefined,
        };
      });
    return {
      runs: [...fromUi, ...found].sort((a, b) => b.createdMs - a.createdMs),
      problems: databases.flatMap(({ problem }) => problem ?? []),
      trainers: trainers ?? [],
    };
  }

  #uiRun(
    job: UiJob,
    database: UiDatabase,
    folder: string | undefined,
    trainers: readonly LiveTrainer[] | undefined,
    nowMs: number,
  ): FoundRun {
    const trainer = trainers?.find(
      (each) => each.jobId === job.id || (folder !== undefined && each.folders.includes(folder)),
    );
    // Where processes cannot be looked at, a number that is in use has to do.
    const isSaid = job.status === "running" || job.status === "stopping";
    const isAlive = trainers ? trainer !== undefined : isSaid && job.pid !== null && exists(job.pid);
    return {
      id: idOf("web-ui", job.id),
      origin: "web-ui",
      name: job.name,
      folder,
      createdMs: job.createdMs ?? job.updatedMs ?? 0,
      state: uiState(job, isAlive, nowMs),
      trainer,
      job: { ...job, database: database.path },
    };
  }
}
