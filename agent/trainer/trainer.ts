// Which program trains: ostris/ai-toolkit if it is here, the rehearsal only when asked for by name.
import { constants } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { ToolError } from "../../shared/errors.ts";
import { CALLED } from "../called.ts";

export type TrainerChoice = "auto" | "ai-toolkit" | "rehearsal";
export type TrainerKind = "ai-toolkit" | "rehearsal";

/** What a trainer can be asked through its `Job` row. */
export const REQUESTS = ["stop", "save_now", "sample_now"] as const;
export type Request = (typeof REQUESTS)[number];

export interface Trainer {
  readonly kind: TrainerKind;
  /** Program and leading arguments; the config's path comes last. */
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  /** Understands `diffusion_trainer`, so that it reports through a job database (ai-toolkit since 2025-09-16). */
  readonly reports: boolean;
  /** What it takes while it reports: `save_now` came with 2026-05-26, `sample_now` with 2026-07-17. */
  readonly requests: readonly Request[];
  readonly environmentPrefixes: readonly string[];
  /** The installation that it runs; a rehearsal needs none. */
  readonly toolkit?: Toolkit;
}

export interface Toolkit {
  readonly path: string;
  readonly version: string | null;
  readonly python: string | null;
  readonly reports: boolean;
  readonly requests: readonly Request[];
}

export interface TrainerOptions {
  readonly choice: TrainerChoice;
  /** Folders that may hold run.py, the likeliest first. */
  readonly toolkitFolders: readonly [string, ...string[]];
  readonly python?: string | undefined;
  /** How to start the rehearsal: this very program, with the arguments that make it one. */
  readonly rehearsalCommand: readonly [string, ...string[]];
  readonly searchPath?: string | undefined;
}

async function readable(path: string, mode: number = constants.R_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

async function onSearchPath(name: string, searchPath: string): Promise<string | null> {
  for (const folder of searchPath.split(delimiter)) {
    const path = join(folder, name);
    if (folder && (await readable(path, constants.X_OK))) return path;
  }
  return null;
}

/** The toolkit's own virtual environment, as its UI looks for it (`ui/cron/pythonPath.ts`). */
export const TOOLKIT_PYTHONS = [".venv/bin/python", "venv/bin/python"] as const;

/** The toolkit's own first, then python3. */
async function findPython(toolkit: string, options: TrainerOptions): Promise<string | null> {
  const candidates = options.python ? [options.python] : TOOLKIT_PYTHONS.map((path) => join(toolkit, path));
  for (const candidate of candidates) if (await readable(candidate, constants.X_OK)) return candidate;
  return options.python ? null : onSearchPath("python3", options.searchPath ?? process.env["PATH"] ?? "");
}

async function readVersion(toolkit: string): Promise<string | null> {
  const text = await readFile(join(toolkit, "version.py"), "utf8").catch(() => "");
  return /VERSION\s*=\s*["']([^"']+)["']/.exec(text)?.[1] ?? null;
}

/** Looks anew at each call: a toolkit may be installed while we run. */
export async function findToolkit(options: TrainerOptions): Promise<Toolkit | undefined> {
  for (const path of options.toolkitFolders) {
    if (!(await readable(join(path, "run.py")))) continue;
    const reporter = join(path, "extensions_built_in/sd_trainer/DiffusionTrainer.py");
    const source = await readFile(reporter, "utf8").catch(() => "");
    const reports = source.includes("AITK_JOB_ID");
    return {
      path,
      version: await readVersion(path),
      python: await findPython(path, options),
      reports,
      requests: reports ? REQUESTS.filter((request) => source.includes(request)) : [],
    };
  }
  return undefined;
}

/** @throws ToolError trainer_missing with what to do */
export async function resolveTrainer(options: TrainerOptions): Promise<Trainer> {
  if (options.choice === "rehearsal") {
    return {
      kind: "rehearsal",
      command: options.rehearsalCommand,
      cwd: options.toolkitFolders[0],
      reports: true,
      requests: REQUESTS,
      environmentPrefixes: ["REHEARSAL_", "NODE_COMPILE_CACHE"],
    };
  }
  const toolkit = await findToolkit(options);
  if (!toolkit) {
    throw new ToolError(
      "trainer_missing",
      `No ai-toolkit found: there is no run.py in ${options.toolkitFolders.join(" or ")}`,
      {
        hint: `Install it there (${CALLED} setup-toolkit, or git clone https://github.com/ostris/ai-toolkit, then its venv), or point --data (AI_TOOLKIT_PATH) or --toolkit at it. To try everything without a GPU, start with --trainer rehearsal`,
      },
    );
  }
  if (!toolkit.python) {
    throw new ToolError("trainer_missing", `ai-toolkit is in ${toolkit.path}, but no Python to run it with`, {
      hint: `Make its virtual environment: python3 -m venv ${join(toolkit.path, "venv")}, then install requirements.txt into it`,
    });
  }
  return {
    kind: "ai-toolkit",
    command: [toolkit.python, "run.py"],
    cwd: toolkit.path,
    reports: toolkit.reports,
    requests: toolkit.requests,
    environmentPrefixes: [],
    toolkit,
  };
}
