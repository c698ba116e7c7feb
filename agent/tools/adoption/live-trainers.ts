// Which folder each trainer on this machine writes to, and by that which run it is.
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import {
  type TrainerProcess,
  trainerProcesses,
  trainingTitle,
  uiJobFolder,
} from "../../trainer/trainer-process.ts";
import { parseConfig } from "../configs/yaml.ts";
import { identify, isAlive, type ProcessIdentity, parentOf, startedMs } from "../training/process.ts";
import { toRunConfig } from "../training/run-config.ts";

export interface LiveTrainer extends ProcessIdentity {
  readonly startedMs: number | null;
  readonly jobId: string | null;
  /** That it writes to, by its configs as far as they can be read; absolute, as all here. */
  readonly folders: readonly string[];
  readonly datasetFolders: readonly string[];
  /** For sentences. */
  readonly title: string;
}

/** For sentences. */
export const liveTitle = ({ title, pid }: LiveTrainer) => `${title} (pid ${pid})`;

/** ai-toolkit looks into its `config` folder, too, and adds an extension (`toolkit/config.py`). */
function candidates(config: string): string[] {
  const paths = [config, join(dirname(config), "config", basename(config))];
  return extname(config)
    ? paths
    : paths.flatMap((path) => [".json", ".yaml", ".yml"].map((end) => path + end));
}

interface Used {
  readonly outputFolder: string;
  readonly datasetFolders: readonly string[];
}

async function usedBy(config: string, cwd: string): Promise<Used | undefined> {
  const ofUi = uiJobFolder(config);
  for (const path of candidates(config)) {
    try {
      const { value } = parseConfig(await readFile(path, "utf8"), extname(path) === ".json");
      const run = toRunConfig(value, { root: cwd, databasePath: "", reports: false });
      return { outputFolder: ofUi ?? run.outputFolder, datasetFolders: run.datasetFolders };
    } catch {
      // not there, not ours to read, or no config of a training: it may be the next one
    }
  }
  return ofUi === undefined ? undefined : { outputFolder: ofUi, datasetFolders: [] };
}

export class LiveTrainers {
  /** What was found out about a process stays so for its life. */
  #known = new Map<string, LiveTrainer>();

  /**
   * All that run now but those of our own jobs. Undefined where processes cannot be looked at.
   * @param isOurs configs that our own jobs are started with
   */
  async look(isOurs: (config: string) => boolean): Promise<LiveTrainer[] | undefined> {
    const all = await trainerProcesses();
    if (!all) return undefined;
    const pids = new Set(all.map(({ pid }) => pid));
    const known = new Map<string, LiveTrainer>();
    for (const trainer of all) {
      if (trainer.configs.some(isOurs)) continue;
      // A data loader's worker has the command line of the trainer that forked it.
      if (pids.has((await parentOf(trainer.pid)) ?? 0)) continue;
      const identity = await identify(trainer.pid);
      const key = `${identity.pid} ${identity.startTicks}`;
      known.set(key, this.#known.get(key) ?? (await liveTrainer(trainer, identity)));
    }
    this.#known = known;
    const alive = await Promise.all(
      [...known.values()].map(async (each) => ((await isAlive(each)) ? each : [])),
    );
    return alive.flat();
  }
}

async function liveTrainer(trainer: TrainerProcess, identity: ProcessIdentity): Promise<LiveTrainer> {
  const found = await Promise.all(
    trainer.configs.map((config) => usedBy(config, trainer.cwd ?? dirname(config))),
  );
  const used = found.filter((each) => each !== undefined);
  return {
    ...identity,
    startedMs: await startedMs(identity),
    jobId: trainer.jobId,
    folders: used.map(({ outputFolder }) => outputFolder),
    datasetFolders: used.flatMap(({ datasetFolders }) => datasetFolders),
    title: trainingTitle(trainer),
  };
}
