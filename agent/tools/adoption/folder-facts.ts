// What a run's folder tells of the run when nobody else does (ai-toolkit.md §5): how far it came, when, and how it ended.
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { statAll } from "../../files/stat-all.ts";
import { parseConfig } from "../configs/yaml.ts";
import { checkpointFacts } from "../training/checkpoint-facts.ts";
import { loggedSpan } from "../training/loss-log.ts";
import { resumePoint } from "../training/resume-point.ts";
import { toRunConfig } from "../training/run-config.ts";
import { listCheckpoints, listSamples } from "../training/run-files.ts";
import { type FolderEnding, folderEnding, readLines } from "./folder-ending.ts";
import { isOwnFile } from "./own-file.ts";

export interface FolderFacts {
  /** `config.name`: what its files begin with. */
  readonly name: string;
  readonly totalSteps: number | null;
  readonly datasetFolders: readonly string[];
  /** Steps done, as far as they can be seen. */
  readonly step: number | null;
  /** Of a run that does not go on. */
  readonly ending: FolderEnding;
  readonly isRehearsal: boolean;
  /** Dates inside of files come first: those of the files change when a folder is copied. */
  readonly startedMs: number | null;
  readonly endedMs: number | null;
}

/** A config that is larger was not written by a trainer. */
const CONFIG_MAX_BYTES = 1_000_000;
const STAMP_SETTLED_MS = 2_500;
const MAX_FOLDERS = 10_000;

/** The config that a run was started with, as it lies in its folder; undefined where there is none that can be read. */
export async function readFolderConfig(folder: string): Promise<unknown> {
  const path = join(folder, "config.yaml");
  if (!(await isOwnFile(path, CONFIG_MAX_BYTES))) return undefined;
  try {
    return parseConfig(await readFile(path, "utf8"), false).value;
  } catch {
    return undefined; // cut off, or edited by hand: the other files still tell
  }
}

interface FromConfig extends Pick<FolderFacts, "name" | "totalSteps" | "datasetFolders"> {}

/** @param root what its relative paths are relative to */
export function configFacts(config: unknown, root: string): FromConfig | undefined {
  try {
    const { name, totalSteps, datasetFolders } = toRunConfig(config, {
      root,
      databasePath: "",
      reports: false,
    });
    return { name, totalSteps, datasetFolders };
  } catch {
    return undefined; // no config of a training
  }
}

async function readFacts(folder: string, root: string): Promise<FolderFacts> {
  const config = configFacts(await readFolderConfig(folder), root);
  const { name, totalSteps, datasetFolders } = config ?? {
    name: basename(folder),
    totalSteps: null,
    datasetFolders: [],
  };
  const checkpoints = await listCheckpoints(folder, name);
  const samples = await listSamples(folder);
  const logged = loggedSpan(folder);
  const final = checkpoints.find(({ step }) => step === null);
  const newest = checkpoints[0];
  const [finalFacts, newestFacts] = await Promise.all(
    [final, newest].map((each) => each && checkpointFacts(join(folder, each.name))),
  );
  const point = await resumePoint(folder, name);
  const drawn = samples.map(({ drawnMs }) => drawnMs);
  const steps = [
    finalFacts?.step,
    newestFacts?.step,
    logged && logged.last.step + 1, // its steps count from 0
    samples.at(-1)?.step,
  ].filter((step) => typeof step === "number");
  const step = steps.length > 0 ? Math.max(...steps) : null;
  const isFinished =
    final !== undefined &&
    finalFacts?.problem === null &&
    // A later session may have gone on from it, or from another one.
    (finalFacts.step === null || finalFacts.step >= (totalSteps ?? step ?? 0));
  const files = checkpoints.map(({ mtimeMs }) => mtimeMs);
  const inside = [...drawn, ...(logged ? [logged.first.wallTime * 1000, logged.last.wallTime * 1000] : [])];
  const dates = inside.length > 0 ? inside : files;
  return {
    name,
    totalSteps,
    datasetFolders,
    step,
    ending: folderEnding({
      isFinished,
      resumable: point !== undefined,
      step,
      totalSteps,
      lines: isFinished ? [] : await readLines(folder),
    }),
    isRehearsal: point?.rehearsal ?? false,
    startedMs: dates.length > 0 ? Math.min(...dates) : null,
    endedMs: dates.length > 0 ? Math.max(...dates) : null,
  };
}

interface Known {
  readonly identity: string;
  /** Overwritten in place, by which the folder does not change. */
  readonly checkpoints: readonly string[];
  readonly facts: FolderFacts;
}

const FILES = ["", "config.yaml", "loss_log.db", "loss_log.db-wal", "samples", "log.txt"];

/** Facts of folders, found out again when something in them has changed. */
export class FolderFactsCache {
  readonly #known = new Map<string, Known>();
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async get(folder: string): Promise<FolderFacts> {
    const known = this.#known.get(folder);
    const before = known && (await stampOf(folder, known.checkpoints));
    if (known && before?.identity === known.identity) return known.facts;
    const facts = await readFacts(folder, this.#root);
    const checkpoints = (await listCheckpoints(folder, facts.name)).map(({ name }) => name);
    const stamp = await stampOf(folder, checkpoints);
    this.#known.delete(folder);
    if (Date.now() - stamp.changedMs > STAMP_SETTLED_MS)
      this.#known.set(folder, { identity: stamp.identity, checkpoints, facts });
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_FOLDERS && oldest !== undefined) this.#known.delete(oldest);
    return facts;
  }
}

async function stampOf(
  folder: string,
  checkpoints: readonly string[],
): Promise<{ readonly identity: string; readonly changedMs: number }> {
  const stats = await statAll([...FILES, ...checkpoints].map((name) => join(folder, name)));
  const parts = stats.map((info) => info && [info.ino, info.size, info.mtimeMs, info.ctimeMs].join(":"));
  return {
    identity: parts.join(" "),
    changedMs: Math.max(0, ...stats.map((info) => info?.mtimeMs ?? 0)),
  };
}
