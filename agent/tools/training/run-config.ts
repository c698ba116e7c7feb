// A user's config → the private one that really runs. The user's file is never touched.
import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { invalid } from "../../../shared/errors.ts";
import { FOLDER_KEYS, foldersOf } from "../configs/dataset-folders.ts";

type Json = Record<string, unknown>;

const Record_ = v.record(v.string(), v.unknown());
const Config = v.looseObject({
  config: v.looseObject({
    name: v.pipe(v.string(), v.minLength(1)),
    process: v.pipe(v.array(Record_), v.minLength(1)),
  }),
});

/**
 * Three names of one training: the newest reports, and is unknown to toolkits from before 2025-09-16; `ui_trainer`
 * insists on a report database that we would have to share with the toolkit's own UI.
 */
const SAME_TRAINING = new Set(["sd_trainer", "ui_trainer", "diffusion_trainer"]);
/** Never reports, whatever the toolkit. */
const SILENT = "textual_inversion_trainer";

/** How often speed is reported, in steps; 0 would mean never. */
const PERFORMANCE_LOG_EVERY = 10;

export interface RunConfigOptions {
  /** What relative paths in the config are relative to. */
  readonly root: string;
  readonly databasePath: string;
  /** Does the trainer know `diffusion_trainer`? */
  readonly reports: boolean;
  /** The run will see one GPU and no other, so it must call it the first. */
  readonly oneGpu?: boolean;
}

export interface RunConfig {
  /** To be written as JSON: that avoids every trap of YAML. */
  readonly value: Json;
  readonly name: string;
  readonly totalSteps: number | null;
  /** It tells how far it is, and can be asked for things. */
  readonly reports: boolean;
  /** Of the first process: the one that a job is known by. */
  readonly outputFolder: string;
  /** Of the processes behind it, which the trainer runs one after the other; undefined where one names none. */
  readonly laterFolders: readonly (string | undefined)[];
  readonly datasetFolders: readonly string[];
  /** The N of `device: cuda:N`, for those who chose a GPU by that; null for the first, which every example names. */
  readonly gpuIndex: number | null;
}

/** @returns the N of "cuda:N" when it is another than the first */
function otherGpu(device: unknown): number | null {
  const index = typeof device === "string" ? /^cuda:(\d{1,4})$/.exec(device)?.[1] : undefined;
  return Number(index ?? 0) || null;
}

/** Undefined for a process without a training folder. */
function outputFolderOf(process: Json, name: string): string | undefined {
  const folder = process["training_folder"];
  if (typeof folder !== "string") return undefined;
  return join(folder, typeof process["name"] === "string" ? process["name"] : name);
}

function object(value: unknown): Json {
  return v.is(Record_, value) ? value : {};
}

/**
 * Without a `neg` the trainer takes `False` for one, which no tokenizer reads: the run would end at its first sampling,
 * when the model is long loaded.
 */
function withNegatives(sample: Json): Json {
  const said = (neg: unknown) => (neg === undefined || neg === null || neg === false ? "" : neg);
  const { samples } = sample;
  return {
    ...sample,
    neg: said(sample["neg"]),
    ...(Array.isArray(samples) && {
      samples: samples.map((each) =>
        v.is(Record_, each) && "neg" in each ? { ...each, neg: said(each["neg"]) } : each,
      ),
    }),
  };
}

function withAbsoluteFolders(dataset: Json, absolute: (path: string) => string): Json {
  const mended = FOLDER_KEYS.filter((key) => key in dataset).map((key) => {
    const value = dataset[key];
    if (Array.isArray(value))
      return [key, value.map((path) => (typeof path === "string" ? absolute(path) : path))];
    return [key, typeof value === "string" ? absolute(value) : value];
  });
  return { ...dataset, ...Object.fromEntries(mended) };
}

/**
 * Makes paths absolute, turns reporting on, names the job's own database, and fills in a negative prompt.
 * @throws ToolError invalid_input when there is nothing that could run
 */
export function toRunConfig(
  config: unknown,
  { root, databasePath, reports, oneGpu = false }: RunConfigOptions,
): RunConfig {
  const parsed = v.safeParse(Config, config);
  if (!parsed.success) {
    throw invalid(
      "The configuration has no config.name with a config.process list",
      "validate_config names what is missing",
    );
  }
  const name = parsed.output.config.name;
  const absolute = (path: string) => (isAbsolute(path) ? path : join(root, path));
  const processes = parsed.output.config.process.map((process) => {
    const type = typeof process["type"] === "string" ? process["type"] : "";
    const datasets = Array.isArray(process["datasets"]) ? process["datasets"].map(object) : undefined;
    const folder = process["training_folder"];
    return {
      ...process,
      ...(SAME_TRAINING.has(type) && { type: reports ? "diffusion_trainer" : "sd_trainer" }),
      ...(typeof folder === "string" && { training_folder: absolute(folder) }),
      ...(datasets && { datasets: datasets.map((dataset) => withAbsoluteFolders(dataset, absolute)) }),
      ...(v.is(Record_, process["sample"]) && { sample: withNegatives(process["sample"]) }),
      ...(oneGpu && otherGpu(process["device"]) !== null && { device: "cuda" }),
      performance_log_every: Number(process["performance_log_every"]) || PERFORMANCE_LOG_EVERY,
      logging: { log_every: 1, ...object(process["logging"]), use_ui_logger: true, use_wandb: false },
      ...(reports && { sqlite_db_path: databasePath }),
    } as Json;
  });
  const [first] = processes;
  const [outputFolder, ...laterFolders] = processes.map((process) => outputFolderOf(process, name));
  if (outputFolder === undefined) {
    throw invalid(
      "The configuration has no training_folder",
      "Add an absolute training_folder to config.process[0]",
    );
  }
  const steps = object(first?.["train"])["steps"];
  return {
    name,
    value: { ...parsed.output, config: { ...parsed.output.config, process: processes } },
    gpuIndex: otherGpu(parsed.output.config.process[0]?.["device"]),
    totalSteps: typeof steps === "number" && Number.isInteger(steps) && steps >= 0 ? steps : null,
    reports: reports && first?.["type"] !== SILENT,
    outputFolder,
    laterFolders,
    datasetFolders: processes.flatMap((process) =>
      (Array.isArray(process["datasets"]) ? process["datasets"] : []).flatMap((dataset) =>
        foldersOf(object(dataset)).map(absolute),
      ),
    ),
  };
}
