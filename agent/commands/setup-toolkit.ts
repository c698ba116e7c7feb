// mcp-ai-toolkit setup-toolkit
import { resolve } from "node:path";
import { Command } from "commander";
import { CALLED, inFolders, SUDO_CALLED } from "../called.ts";
import { diskSpace } from "../files/disk-space.ts";
import { isRoot } from "../install/as-user.ts";
import { DEFAULT_DATA } from "../options.ts";
import { machineCuda } from "../toolkit/driver.ts";
import { findPython } from "../toolkit/python.ts";
import { KNOWN_GOOD, REPOSITORY, setUpToolkit } from "../toolkit/setup.ts";
import { PIPS_OWN, torchIndex } from "../toolkit/torch.ts";
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
    .option(
      "--python <program>",
      "Python that makes the environment [default: python3.12, .11, .10, or a python3 of these]",
    )
    .option(
      "--torch-index <url>",
      `where torch is fetched from; "${PIPS_OWN}": where pip is set to fetch from, a mirror say [default: PyTorch's build for this machine's driver]`,
    )
    .option("--dry-run", "print every command, run none")
    .addHelpText(
      "after",
      `
An ai-toolkit that is there already stays as it is; a virtual environment is only made where there is none, or its Python is gone.

Examples:
  mcp-ai-toolkit setup-toolkit --data /ai-toolkit
  sudo mcp-ai-toolkit setup-toolkit --data /ai-toolkit     as the folder's owner, who is the service's account
  mcp-ai-toolkit setup-toolkit --data /ai-toolkit --ref main
  mcp-ai-toolkit setup-toolkit --data /ai-toolkit --torch-index https://download.pytorch.org/whl/cpu

Behind mirrors: tell pip (/etc/pip.conf: index-url) and git (/etc/gitconfig: url.<mirror>.insteadOf = https://github.com/), then
  mcp-ai-toolkit setup-toolkit --data /ai-toolkit --torch-index ${PIPS_OWN}`,
    )
    .action(async (flags: Flags) => {
      const data = resolve(flags.data ?? env["AI_TOOLKIT_PATH"] ?? DEFAULT_DATA);
      await tellRoom(data);
      const folder = await setUpToolkit({
        data,
        repository: flags.repo,
        ref: checkedRef(flags.ref),
        python: await findPython(flags.python),
        torchIndex: flags.torchIndex ?? torchIndex(await machineCuda()),
        dryRun: flags.dryRun ?? false,
        print: (line) => console.log(line),
      });
      console.log(
        flags.dryRun
          ? "\nNothing was changed."
          : `\nai-toolkit is in ${folder}. Next:  ${isRoot() ? SUDO_CALLED : CALLED} doctor ${inFolders({ data })}`,
      );
    });
}

/** Nothing that git would take for an option. */
function checkedRef(ref: string): string {
  if (/^[\w][\w./-]*$/.test(ref)) return ref;
  throw new UsageError(`--ref takes a commit, a tag or a branch, not "${ref}"`);
}

const NEEDED_GIB = 15;

async function tellRoom(data: string): Promise<void> {
  const freeGib = (await diskSpace(data)).freeBytes / 1024 ** 3;
  if (freeGib < NEEDED_GIB) {
    console.error(`Only ${Math.floor(freeGib)} GiB are free at ${data}; base models need tens of gigabytes.`);
  }
}
