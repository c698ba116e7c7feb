// mcp-ai-toolkit setup-toolkit
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";
import { Command } from "commander";
import { diskSpace } from "../files/disk-space.ts";
import { DEFAULT_DATA } from "../options.ts";
import { KNOWN_GOOD, REPOSITORY, setUpToolkit } from "../toolkit/setup.ts";
import { driverCuda, torchIndex } from "../toolkit/torch.ts";
import { UsageError } from "../usage-error.ts";
import type { Environment } from "./admin-flags.ts";

interface Flags {
  readonly data?: string;
  readonly repo: string;
  readonly ref: string;
  readonly python?: string;
  readonly torchIndex?: string;
  readonly dryRun?: boolean;
}

export function setupToolkitCommand(env: Environment): Command {
  return new Command("setup-toolkit")
    .description(
      "Install ai-toolkit with its virtual environment into the data folder. Cut off, it goes on when run again",
    )
    .option("--data <folder>", `the data folder (env: AI_TOOLKIT_PATH) [default: ${DEFAULT_DATA}]`)
    .option("--ref <commit>", "commit, tag or branch of ai-toolkit", KNOWN_GOOD)
    .option("--repo <url>", "where it is fetched from", REPOSITORY)
    .option("--python <program>", "Python 3.10 or newer [default: python3.12, or python3]")
    .option(
      "--torch-index <url>",
      "where torch is fetched from [default: PyTorch's build for this machine's driver]",
    )
    .option("--dry-run", "print every command, run none")
    .addHelpText(
      "after",
      `
An ai-toolkit that is there already stays as it is; a virtual environment is only made where there is none.

Examples:
  mcp-ai-toolkit setup-toolkit --data /ai-toolkit
  mcp-ai-toolkit setup-toolkit --data /ai-toolkit --ref main
  mcp-ai-toolkit setup-toolkit --data /ai-toolkit --torch-index https://download.pytorch.org/whl/cpu`,
    )
    .action(async (flags: Flags) => {
      const data = resolve(flags.data ?? env["AI_TOOLKIT_PATH"] ?? DEFAULT_DATA);
      await tellRoom(data);
      const folder = await setUpToolkit({
        data,
        repository: flags.repo,
        ref: checkedRef(flags.ref),
        python: await findPython(flags.python),
        torchIndex: flags.torchIndex ?? torchIndex(await cuda()),
        dryRun: flags.dryRun ?? false,
        print: (line) => console.log(line),
      });
      console.log(
        flags.dryRun
          ? "\nNothing was changed."
          : `\nai-toolkit is in ${folder}. Next:  mcp-ai-toolkit doctor --data ${data}`,
      );
    });
}

/** Nothing that git would take for an option. */
function checkedRef(ref: string): string {
  if (/^[\w][\w./-]*$/.test(ref)) return ref;
  throw new UsageError(`--ref takes a commit, a tag or a branch, not "${ref}"`);
}

async function cuda(): Promise<readonly [number, number] | undefined> {
  const asked = promisify(execFile)("nvidia-smi", [], { timeout: 30_000 });
  return await asked.then(
    ({ stdout }) => driverCuda(stdout),
    () => undefined, // no driver: torch for the CPU
  );
}

const CANDIDATES = ["python3.12", "python3"] as const;
/** What a virtual environment with pip takes; some distributions split it off. */
const PROBE = "import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 10) else 3)";

/** @throws UsageError when none fits */
async function findPython(given: string | undefined): Promise<string> {
  const candidates = given === undefined ? CANDIDATES : [given];
  for (const candidate of candidates) {
    const fits = await promisify(execFile)(candidate, ["-c", PROBE]).then(
      () => true,
      () => false,
    );
    if (fits) return candidate;
  }
  throw new UsageError(
    `${candidates.join(" and ")}: not there, older than 3.10, or without venv. On Debian and Ubuntu: sudo apt install python3-venv`,
  );
}

const NEEDED_GIB = 15;

async function tellRoom(data: string): Promise<void> {
  const freeGib = (await diskSpace(data)).freeBytes / 1024 ** 3;
  if (freeGib < NEEDED_GIB) {
    console.error(`Only ${Math.floor(freeGib)} GiB are free at ${data}; base models need tens of gigabytes.`);
  }
}
