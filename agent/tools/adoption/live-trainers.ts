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
  /** Of its configs, as far as they can be read; absolute. */
  readonly folders: readonly string[];
  /** For sentences. */
  readonly title: string;
}

/** ai-toolkit looks into its `config` folder, too, and adds an extension (`toolkit/config.py`). */
function candidates(config: string): string[] {
  const paths = [config, join(dirname(config), "config", basename(config))];
  return extname(config)
    ? paths
    : paths.flatMap((path) => [".json", ".yaml", ".yml"].map((end) => path + end));
}

async function folderOf(config: string, cwd: string): Promise<string | undefined> {
  const ofUi = uiJobFolder(config);
  if (ofUi !== undefined) return ofUi;
  for (const path of candidates(config)) {
    try {
      const { value } = parseConfig(await readFile(path, "utf8"), extname(path) === ".json");
      return toRunConfig(value, { root: cwd, databasePath: "", reports: false }).outputFolder;
    } catch {
      // not there, not ours to read, or no config of a training: it may be the next one
    }
  }
  return undefined;
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
  const folders = await Promise.all(
    trainer.configs.map((config) => folderOf(config, trainer.cwd ?? dirname(config))),
  );
  return {
    ...identity,
    startedMs: await startedMs(identity),
    jobId: trainer.jobId,
    folders: folders.filter((folder) => folder !== undefined),
    title: trainingTitle(trainer),
  };
}
