// setup-toolkit: ai-toolkit's checkout and its virtual environment, step by step; one that was cut off goes on.
import { type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import { access, lstat, mkdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inFolders, SUDO_CALLED } from "../called.ts";
import { PARTIAL_PREFIX } from "../files/atomic.ts";
import { mayWrite } from "../files/may-write.ts";
import { userHome, userName } from "../install/account.ts";
import { asOwnerOf, isRoot } from "../install/as-user.ts";
import { type Print, runSteps, type Step, UNCHANGED } from "../install/steps.ts";
import { UsageError } from "../usage-error.ts";
import { indexFlags, PIPS_OWN, torchPackages } from "./torch.ts";

export const REPOSITORY = "https://github.com/ostris/ai-toolkit.git";
/** 0.12.26 of 2026-08-21: what this program was proved with. */
export const KNOWN_GOOD = "27a03a91f23eb1b757d5ec2e80ee3e129cfcc350";

export interface Setup {
  readonly data: string;
  readonly repository: string;
  readonly ref: string;
  /** Python that makes the virtual environment. */
  readonly python: string;
  /** A URL, or `PIPS_OWN`. */
  readonly torchIndex: string;
  readonly dryRun: boolean;
  readonly print: Print;
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** Says that a virtual environment is ours and not whole yet. */
const UNFINISHED = ".mcp-ai-toolkit-unfinished";
const UNFINISHED_WORDS = "Made by mcp-ai-toolkit setup-toolkit; run it again.\n";

/** @returns the toolkit's folder @throws UsageError; Error when a command fails: what was done stays, and is gone on from */
export async function setUpToolkit(setup: Setup): Promise<string> {
  const { data, dryRun, print } = setup;
  if (!(await exists(data)))
    throw new UsageError(`There is no folder ${data}; make it first: mkdir -p ${data}`);
  const inData = await exists(join(data, "run.py"));
  const folder = inData ? data : join(data, "ai-toolkit");
  if (!inData && (await exists(folder)) && !(await exists(join(folder, "run.py")))) {
    throw new UsageError(`${folder} is there and is no ai-toolkit (no run.py); move it away first`);
  }
  if (!dryRun) await checkRights(data, folder);
  const run = runner(data);
  await runSteps([checkoutStep(setup, folder, run), ...(await venvSteps(setup, folder, run))], dryRun, print);
  return folder;
}

/** Before gigabytes are fetched. @throws UsageError */
async function checkRights(data: string, folder: string): Promise<void> {
  for (const path of [data, folder]) {
    if (await mayWrite(path)) continue;
    const owner = await userName((await stat(path)).uid);
    throw new UsageError(
      `${path} is ${owner}'s; root does it in their name:  ${SUDO_CALLED} setup-toolkit ${inFolders({ data })}`,
    );
  }
}

interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** What to do when it fails, where that is known. */
  readonly hint?: string | undefined;
}
type Run = (command: Command) => Promise<void>;

/** As whom the data folder belongs to; what git and pip say goes to the terminal. */
function runner(data: string): Run {
  return async ({ command, args, cwd, hint = "" }) => {
    const owner = await stat(data);
    const as = isRoot() && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : {};
    // Their own settings of git and pip, and caches that they may write.
    const home = "uid" in as ? { HOME: (await userHome(owner.uid)) ?? data } : {};
    const env = { ...process.env, ...home, GIT_TERMINAL_PROMPT: "0", PIP_DISABLE_PIP_VERSION_CHECK: "1" };
    const options: SpawnOptions = { cwd, env, stdio: ["ignore", "inherit", "inherit"], ...as };
    const child = spawn(command, args, options);
    const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
    if (code === 0) return;
    const line = [command, ...args].join(" ");
    throw new Error(
      `${line} ended with ${code ?? signal}.${hint} Once that is mended, run this again: it goes on from here`,
    );
  };
}

function checkoutStep({ data, repository, ref }: Setup, folder: string, run: Run): Step {
  const staged = join(data, `${PARTIAL_PREFIX}ai-toolkit`);
  const git = (...args: readonly string[]) => run({ command: "git", args, cwd: staged });
  return {
    title: `Check ai-toolkit out to ${folder}`,
    detail: `git fetch --depth 1 ${repository} ${ref}`,
    async run() {
      if (await exists(join(folder, "run.py"))) return "there is one already, and it stays as it is";
      // Git goes on from nothing that it was cut off in, and would stumble over its own lock.
      await asOwnerOf(data, () => rm(staged, { recursive: true, force: true }));
      await asOwnerOf(data, () => mkdir(staged));
      await git("init", "--quiet");
      await git("fetch", "--depth", "1", "--progress", repository, ref);
      await git("-c", "advice.detachedHead=false", "checkout", "--quiet", "--force", "FETCH_HEAD");
      if (!(await exists(join(staged, "run.py")))) throw new Error(`${repository} ${ref} has no run.py`);
      await git("remote", "add", "origin", repository);
      await asOwnerOf(data, () => rename(staged, folder));
      return undefined;
    },
  };
}

const BEHIND_A_MIRROR = ` Behind a mirror: --torch-index ${PIPS_OWN}, or its URL.`;

async function venvSteps({ data, python, torchIndex }: Setup, folder: string, run: Run): Promise<Step[]> {
  const venv = join(folder, "venv");
  const unfinished = join(venv, UNFINISHED);
  const own = join(venv, "bin/python");
  const isTheirs = async () =>
    (await exists(join(folder, ".venv/bin/python"))) || ((await exists(own)) && !(await exists(unfinished)));
  const pip = (args: readonly string[], hint?: string) =>
    run({ command: own, args: ["-m", "pip", "install", ...args], cwd: folder, hint });
  const before = await isTheirs();
  const readme = () => readFile(join(folder, "README.md"), "utf8").catch(() => ""); // one without
  const inVenv = (title: string, detail: string, work: () => Promise<void>): Step => ({
    title,
    detail,
    async run() {
      if (before) return UNCHANGED;
      await work();
      return undefined;
    },
  });
  const index = indexFlags(torchIndex);
  const packages = torchPackages(await readme()).join(" ");
  const isThere = await exists(join(folder, "README.md"));
  const pinned = isThere ? packages : `${packages} (the versions that its README names)`;
  return [
    inVenv(`Make its virtual environment ${venv}`, `${python} -m venv ${venv}`, async () => {
      await asOwnerOf(data, () => mkdir(venv, { recursive: true }));
      await asOwnerOf(data, () => writeFile(unfinished, UNFINISHED_WORDS));
      // One whose Python is gone is made anew: by itself venv leaves a link there that leads nowhere, and what was
      // installed was for another Python.
      const isDead = !(await exists(own)) && (await lstat(own).catch(() => undefined)) !== undefined;
      await run({
        command: python,
        args: ["-m", "venv", ...(isDead ? ["--clear"] : []), venv],
        cwd: folder,
      });
      if (isDead) await asOwnerOf(data, () => writeFile(unfinished, UNFINISHED_WORDS));
    }),
    inVenv("Install torch", [own, "-m pip install", pinned, ...index].join(" "), async () =>
      pip([...torchPackages(await readme()), ...index], torchIndex === PIPS_OWN ? "" : BEHIND_A_MIRROR),
    ),
    inVenv("Install what ai-toolkit needs", `${own} -m pip install -r requirements.txt`, async () => {
      await pip(["-r", "requirements.txt"]);
      await asOwnerOf(data, () => rename(unfinished, join(venv, ".mcp-ai-toolkit")));
    }),
  ];
}
