// ai-toolkit, its Python, and what its torch sees.
import { execFile } from "node:child_process";
import { lstat, readFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as v from "valibot";
import { machineCuda } from "../toolkit/driver.ts";
import { indexFlags, torchIndex, torchPackages } from "../toolkit/torch.ts";
import { findToolkit, TOOLKIT_PYTHONS, type Toolkit, type TrainerOptions } from "../trainer/trainer.ts";
import { error, type Finding, ok, warning } from "./finding.ts";

/** @param service looked at by the service's account: for a person's command line that is somebody else */
export async function toolkitChecks(
  trainer: TrainerOptions,
  data: string,
  service: boolean,
): Promise<{ readonly findings: Finding[]; readonly toolkit: Toolkit | undefined }> {
  if (trainer.choice === "rehearsal") {
    const text = "the rehearsal trains nothing and needs none";
    return { findings: [ok("ai-toolkit", text)], toolkit: undefined };
  }
  const toolkit = await findToolkit(trainer);
  const setUp = `${service ? "sudo mcp-ai-toolkit" : CALLED} setup-toolkit ${inFolders({ data })}`;
  if (!toolkit) {
    const where = trainer.toolkitFolders.join(" or ");
    return { findings: [error("ai-toolkit", `there is no run.py in ${where}`, setUp)], toolkit };
  }
  return { findings: [versionCheck(toolkit, service), await pythonCheck(toolkit, setUp)], toolkit };
}

/** As the account that looks, which owns the toolkit's folder. */
const asOwner = (service: boolean) => (service ? `sudo -H -u ${userInfo().username} ` : "");

function versionCheck({ path, version, reports }: Toolkit, service: boolean): Finding {
  const name = `${version ?? "version unknown"} in ${path}`;
  if (reports) return ok("ai-toolkit", name);
  return warning(
    "ai-toolkit",
    `${name}: too old to report its progress, so it is read from the log`,
    `${asOwner(service)}git -C ${shellWord(path)} pull`,
  );
}

const isOwn = ({ path, python }: Toolkit) => python?.startsWith(`${path}/`) ?? false;

async function pythonCheck(toolkit: Toolkit, setUp: string): Promise<Finding> {
  const { path, python } = toolkit;
  if (isOwn(toolkit)) return ok("Python", String(python));
  for (const link of TOOLKIT_PYTHONS.map((each) => join(path, each))) {
    // After an upgrade of the system. Another Python would be used, which has none of the packages.
    if ((await lstat(link).catch(() => undefined))?.isSymbolicLink())
      return error("Python", `${link} leads nowhere: the Python that it was made with is gone`, setUp);
  }
  if (python === null) return error("Python", `there is none to run ${path}`, setUp);
  return warning("Python", `${python}, not a virtual environment of ai-toolkit's own`, setUp);
}

const ASK_TORCH = `
import json, sys
import torch
cuda = torch.cuda.is_available()
print(json.dumps({
    "python": sys.version.split()[0],
    "torch": torch.__version__,
    "cuda": torch.version.cuda or torch.version.hip,
    "devices": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else [],
}))
`;

import { shellWord } from "../../shared/file-links.ts";
import { CALLED, inFolders } from "../called.ts";

const TorchAnswer = v.pipe(
  v.string(),
  v.parseJson(),
  v.object({
    python: v.string(),
    torch: v.string(),
    cuda: v.nullable(v.string()),
    devices: v.array(v.string()),
  }),
);

/** The first import after a boot reads gigabytes. */
const TORCH_MS = 120_000;

const VENV_FIRST = "make ai-toolkit's virtual environment first (Python, above), then look again";
const DRIVER_FIRST = "mend the driver first (next line), then look again";

/** Those packages that ai-toolkit's README names, built for this machine's driver. */
async function torchFor(toolkit: string, pip: string, environment: TorchOptions["environment"]) {
  const cuda = await machineCuda(environment);
  if (!cuda) return DRIVER_FIRST;
  const readme = await readFile(join(toolkit, "README.md"), "utf8").catch(() => ""); // one without
  try {
    const build = [...torchPackages(readme), ...indexFlags(torchIndex(cuda))];
    return `${pip} --force-reinstall ${build.join(" ")}`;
  } catch (tooOld) {
    return String((tooOld as Error).message);
  }
}

interface TorchOptions {
  /** See asOwner. */
  readonly service: boolean;
  /** Where nvidia-smi is looked for, too. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

/** Runs the toolkit's own Python as a training would. */
export async function torchCheck(
  toolkit: Toolkit,
  { service, environment, timeoutMs = TORCH_MS }: TorchOptions,
): Promise<Finding[]> {
  const { path, python } = toolkit;
  if (python === null) return [];
  // Nothing is to be installed into a Python that others use, too.
  const pip = isOwn(toolkit) ? `${asOwner(service)}${shellWord(python)} -m pip install` : undefined;
  const options = { cwd: path, timeout: timeoutMs, killSignal: "SIGKILL", encoding: "utf8" } as const;
  let printed: string;
  try {
    ({ stdout: printed } = await promisify(execFile)(python, ["-c", ASK_TORCH], options));
  } catch (thrown) {
    const { stderr, message, killed } = thrown as Error & { stderr?: string; killed?: boolean };
    if (killed)
      return [
        error("torch", `was not imported within ${timeoutMs / 1_000} s`, `${python} -c 'import torch'`),
      ];
    const last = stderr?.trim().split("\n").at(-1) ?? message;
    return [
      error(
        "torch",
        last.slice(0, 300),
        pip ? `${pip} -r ${shellWord(`${path}/requirements.txt`)}` : VENV_FIRST,
      ),
    ];
  }
  const answer = v.safeParse(TorchAnswer, printed.trim().split("\n").at(-1));
  if (!answer.success) return [error("torch", "its answer cannot be read", `${python} -c 'import torch'`)];
  const { python: version, torch, cuda, devices } = answer.output;
  const what = `${torch} on Python ${version}`;
  if (devices.length > 0) return [ok("torch", `${what} sees ${devices.join(", ")}`)];
  return [
    cuda === null
      ? error(
          "torch",
          `${what} was made for the CPU only`,
          pip ? await torchFor(path, pip, environment) : VENV_FIRST,
        )
      : error("torch", `${what}, made for CUDA ${cuda}, sees no GPU`, DRIVER_FIRST),
  ];
}
