// ai-toolkit's `run.py` as it runs on this machine, whoever started it: what its command line and its environment tell.
import { readdir, readFile, readlink } from "node:fs/promises";
import { basename, dirname, isAbsolute, resolve } from "node:path";
import { atOnce } from "../files/at-once.ts";

export interface TrainerProcess {
  readonly pid: number;
  /** In the order of the command line; absolute, or as they stand there where the folder they start from is unknown. */
  readonly configs: readonly string[];
  /** The row of its report database, `AITK_JOB_ID`; null without one, or when its environment is not ours to see. */
  readonly jobId: string | null;
  /** The folder it works in; undefined when that is not ours to see. */
  readonly cwd: string | undefined;
}

const SCRIPT = "run.py";
/** Options of run.py that take a value (ai-toolkit `run.py`). */
const WITH_VALUE = new Set(["-n", "--name", "-l", "--log"]);
/** What the web UI calls the config of a job, in the job's folder (ai-toolkit `ui/cron/actions/startJob.ts`). */
const UI_CONFIG = ".job_config.json";

/** The folder of the web UI's job that this config belongs to; undefined for any other config. */
export function uiJobFolder(config: string): string | undefined {
  return basename(config) === UI_CONFIG ? dirname(config) : undefined;
}

/** The configs that a command runs; undefined when it is no `run.py`. */
export function configsOf(argv: readonly string[]): string[] | undefined {
  const script = argv.findIndex((argument) => basename(argument) === SCRIPT);
  // An editor or a `grep` may name the file, too: they have it at the end, and nothing to run behind it.
  if (script < 0) return undefined;
  const configs: string[] = [];
  for (let index = script + 1; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (WITH_VALUE.has(argument)) index += 1;
    else if (argument !== "" && !argument.startsWith("-")) configs.push(argument);
  }
  return configs.length > 0 ? configs : undefined;
}

const words = (text: string) => text.split("\0");

/** Undefined for a process that is gone, not a trainer, or not to be seen from here. */
export async function readTrainerProcess(pid: number): Promise<TrainerProcess | undefined> {
  const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const configs = configsOf(words(command));
  if (!configs) return undefined;
  const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => undefined);
  const environment = words(await readFile(`/proc/${pid}/environ`, "utf8").catch(() => ""));
  const id = environment.find((each) => each.startsWith("AITK_JOB_ID="))?.slice("AITK_JOB_ID=".length);
  return {
    pid,
    configs: configs.map((path) => (isAbsolute(path) || cwd === undefined ? path : resolve(cwd, path))),
    jobId: id?.trim() || null,
    cwd,
  };
}

const AT_ONCE = 32;

/** All that run now; undefined where processes cannot be looked at (no /proc). */
export async function trainerProcesses(): Promise<TrainerProcess[] | undefined> {
  const names = await readdir("/proc").catch(() => undefined);
  if (!names) return undefined;
  const found: TrainerProcess[] = [];
  await atOnce(names, AT_ONCE, async (name) => {
    const trainer = /^\d+$/.test(name) ? await readTrainerProcess(Number(name)) : undefined;
    if (trainer) found.push(trainer);
  });
  return found;
}

const SHOWN_MAX = 60;

/** For sentences, e.g. "the ai-toolkit web UI's job 'cats'". Whoever starts a program chooses its words. */
export function trainingTitle({ configs }: Pick<TrainerProcess, "configs">): string {
  const [config = ""] = configs;
  const folder = uiJobFolder(config);
  const name = basename(folder ?? config)
    .replace(/[^\x20-\x7e]/g, "?")
    .slice(0, SHOWN_MAX);
  return folder === undefined ? `ai-toolkit with ${name}` : `the ai-toolkit web UI's job '${name}'`;
}
