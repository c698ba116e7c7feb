// Everything that preflight's checks look at, gathered once.
import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { ToolError } from "../../../shared/errors.ts";
import { freeBytesAt } from "../../files/disk-space.ts";
import { mayWrite } from "../../files/may-write.ts";
import type { GpuSnapshot } from "../../gpus/gpu.ts";
import type { Paths } from "../../paths.ts";
import type { Environment } from "../../trainer/environment.ts";
import type { Trainer, TrainerKind } from "../../trainer/trainer.ts";
import { asText, type CheckContext, type JsonObject } from "../configs/check.ts";
import { onDataset } from "../datasets/on-dataset.ts";
import type { Place } from "../queue/placement.ts";
import { type ResumePoint, resumePoint } from "../training/resume-point.ts";
import { type RunConfig, toRunConfig } from "../training/run-config.ts";
import { type Checkpoint, listCheckpoints } from "../training/run-files.ts";
import { type DatasetLook, lookAtDataset, lookBudget } from "./dataset-look.ts";
import { type Decoded, decodeBudget, decodeSample } from "./decode.ts";
import { type DiskForecast, diskForecast, existingSaves } from "./disk-forecast.ts";

export interface Request {
  /** The config's name. */
  readonly config: string;
  readonly resume: boolean;
  /** UUID of the GPU that was asked for; null: any. */
  readonly gpu: string | null;
}

/** Somebody else's training that writes to a folder, or will. */
export interface Writer {
  /** Of the run; null when only its process is known. */
  readonly jobId: string | null;
  /** For sentences, e.g. "the ai-toolkit web UI's job 'cats' (pid 4711)". */
  readonly title: string;
  readonly state: "writing" | "waiting";
}

/** What is known of other jobs. */
export interface JobsView {
  /** The id of an unfinished job with this config, or writing to this folder. */
  readonly unfinished: (config: string, outputFolder: string) => string | undefined;
  /** The config that the newest run in this folder was started from. */
  readonly lastConfig: (outputFolder: string) => string | undefined;
  /** Somebody else's training in this folder: one that runs, or else one that waits. */
  readonly writer: (outputFolder: string) => Promise<Writer | undefined>;
  /** What the queue would make of it now. */
  readonly place: (
    snapshot: GpuSnapshot,
    config: string,
    wishedGpu: string | null,
    trainer: TrainerKind,
  ) => Place;
}

export interface Machine {
  readonly paths: Paths;
  readonly environment: Environment;
  readonly jobs: JobsView;
  /** @throws ToolError trainer_missing */
  readonly trainer: () => Promise<Trainer>;
  /** undefined: the driver takes its time. */
  readonly gpus: () => Promise<GpuSnapshot | undefined>;
  /** Bytes free for us on the disk that holds a path, or will; null when it cannot be said. */
  readonly freeBytes?: (path: string) => Promise<number | null>;
  /** May files be made in this folder, or where it will be? */
  readonly isWritable?: (path: string) => Promise<boolean>;
}

/** A run as the trainer would make it of the config; there is none of a config without shape. */
export interface Run {
  readonly config: RunConfig;
  /** The first process: the one that trains. */
  readonly block: JsonObject;
  /** What its files are looked for by when it resumes. */
  readonly processName: string;
  readonly checkpoints: readonly Checkpoint[];
  readonly resumePoint: ResumePoint | undefined;
  /** Of a training; captioners and the like write what they write. */
  readonly forecast: DiskForecast | undefined;
  readonly freeBytes: number | null;
  readonly isWritable: boolean;
  readonly writer: Writer | undefined;
}

export interface Facts {
  readonly request: Request;
  readonly paths: Paths;
  readonly environment: Environment;
  readonly jobs: JobsView;
  readonly trainer: Trainer | ToolError;
  readonly gpus: GpuSnapshot | undefined;
  /** Would it start at once, and where; undefined while nobody knows. */
  readonly place: Place | undefined;
  readonly context: CheckContext;
  readonly looks: readonly DatasetLook[];
  readonly decoded: readonly (Decoded & { readonly look: DatasetLook })[];
  /** undefined: it has no shape, or lies where we must not look. */
  readonly run: Run | undefined;
  readonly shapeProblem: ToolError | undefined;
}

async function deviceOf(path: string): Promise<number | undefined> {
  return await stat(path).then(
    ({ dev }) => dev,
    () => (dirname(path) === path ? undefined : deviceOf(dirname(path))),
  );
}

function runConfigOf(config: unknown, { root }: Paths): RunConfig | ToolError {
  try {
    return toRunConfig(config, { root, databasePath: "", reports: false });
  } catch (problem) {
    if (problem instanceof ToolError) return problem;
    throw problem;
  }
}

async function runOf(
  config: RunConfig,
  context: CheckContext,
  looks: readonly DatasetLook[],
  isRehearsal: boolean,
  { freeBytes, isWritable }: Pick<Required<Machine>, "freeBytes" | "isWritable">,
  writer: JobsView["writer"],
): Promise<Run> {
  const [first] = context.trainers;
  const { outputFolder, name } = config;
  const processName = asText(first?.block.name) ?? name;
  const device = await deviceOf(outputFolder);
  const onSameDisk: DatasetLook[] = [];
  for (const look of looks)
    if (look.dataset.process === first && (await deviceOf(look.dataset.folder ?? "/")) === device)
      onSameDisk.push(look);
  return {
    config,
    block: first?.block ?? {},
    processName,
    checkpoints: await listCheckpoints(outputFolder, name),
    resumePoint: await resumePoint(outputFolder, processName),
    forecast:
      first && diskForecast(first.block, await existingSaves(outputFolder, name), onSameDisk, isRehearsal),
    freeBytes: await freeBytes(outputFolder),
    isWritable: await isWritable(outputFolder),
    writer: await writer(outputFolder),
  };
}

/** @param forbidden places outside our folders are not even looked at */
export async function gatherFacts(
  machine: Machine,
  context: CheckContext,
  trainer: Trainer | ToolError,
  request: Request,
  forbidden: { readonly toRead: boolean; readonly toWrite: boolean },
): Promise<Facts> {
  const { paths, environment, jobs, gpus, freeBytes = freeBytesAt, isWritable = mayWrite } = machine;
  const isRehearsal = "kind" in trainer && trainer.kind === "rehearsal";
  const budget = decodeBudget(context.datasets.length, performance.now());
  const entries = lookBudget();
  const looks: DatasetLook[] = [];
  const decoded: (Decoded & { readonly look: DatasetLook })[] = [];
  for (const dataset of forbidden.toRead ? [] : context.datasets) {
    const look = await onDataset(() => lookAtDataset(dataset, paths.root, entries, isWritable));
    if (!look) continue;
    looks.push(look);
    decoded.push({ look, ...(await decodeSample(look.files, budget)) });
  }
  const config = runConfigOf(context.config, paths);
  const isRun = !(config instanceof ToolError);
  const [run, snapshot] = await Promise.all([
    isRun && !forbidden.toWrite
      ? runOf(config, context, looks, isRehearsal, { freeBytes, isWritable }, jobs.writer)
      : undefined,
    gpus(),
  ]);
  const kind = "kind" in trainer ? trainer.kind : "ai-toolkit";
  const place = snapshot && jobs.place(snapshot, request.config, request.gpu, kind);
  const shapeProblem = isRun ? undefined : config;
  return {
    request,
    paths,
    environment,
    jobs,
    trainer,
    gpus: snapshot,
    place,
    context,
    looks,
    decoded,
    run,
    shapeProblem,
  };
}
