// For tests: a machine with NVIDIA GPUs, played by a real program `nvidia-smi` that is found on PATH.
import { chmod, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Answers as nvidia-smi 550 does, for what we ask and nothing else; `calls` has a line for each call. */
const SCRIPT = `#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$*" >> calls
[ -f says ] && { cat says; exit "$(cat status)"; }
case "$1 $2" in
  "--query-gpu=index,uuid,name,memory.total,memory.used,memory.free --format=csv,noheader,nounits")
    exec cat gpus ;;
  "--query-gpu="*" --format=csv,noheader,nounits")
    case "$3" in --loop-ms=*) ;; *) exit 2 ;; esac
    # Ends with whoever reads it: real nvidia-smi dies of SIGPIPE, too.
    while cat stats; do sleep 1; done ;;
  "--query-compute-apps=gpu_uuid,pid,process_name,used_memory --format=csv,noheader,nounits")
    exec cat apps ;;
  *)
    echo 'Field "x" is not a valid field to query.'; exit 2 ;;
esac
`;

export interface PretendedGpu {
  readonly uuid: string;
  readonly name?: string;
  readonly totalMib?: number;
  readonly usedMib?: number;
}

export interface PretendedApp {
  readonly uuid: string;
  readonly pid: number;
  readonly path?: string;
  /** MiB as the driver prints it, or "[N/A]". */
  readonly used: number | string;
}

export interface NvidiaSmi extends AsyncDisposable {
  /** To be put in front of PATH. */
  readonly folder: string;
  /** In the order of their index. */
  setGpus(...gpus: readonly PretendedGpu[]): Promise<void>;
  setApps(...apps: readonly PretendedApp[]): Promise<void>;
  /** It says this and fails; undefined: it answers again. */
  fail(says: string | undefined, status?: number): Promise<void>;
  /** Arguments of every call so far. */
  calls(): Promise<string[]>;
}

const TOTAL_MIB = 24_564;

export async function pretendNvidiaSmi(...gpus: readonly PretendedGpu[]): Promise<NvidiaSmi> {
  const folder = await mkdtemp(join(tmpdir(), "nvidia-smi-"));
  const put = async (name: string, lines: readonly string[]) => {
    await mkdir(folder, { recursive: true });
    const path = join(folder, name);
    await writeFile(`${path}.new`, lines.map((line) => `${line}\n`).join(""));
    await rename(`${path}.new`, path); // never seen half-written
  };
  const smi: NvidiaSmi = {
    folder,
    async setGpus(...all) {
      const columns = all.map(({ uuid, name = "NVIDIA GeForce RTX 4090", ...memory }, index) => {
        const { totalMib = TOTAL_MIB, usedMib = 18 } = memory;
        return { start: `${index}, ${uuid}, ${name}, ${totalMib}, ${usedMib}`, free: totalMib - usedMib };
      });
      await put(
        "stats",
        columns.map(({ start }) => `${start}, 0, 35, 20.50, 450.00`),
      );
      await put(
        "gpus",
        columns.map(({ start, free }) => `${start}, ${free}`),
      );
    },
    async setApps(...apps) {
      await put(
        "apps",
        apps.map(({ uuid, pid, path = "/usr/bin/python3", used }) => `${uuid}, ${pid}, ${path}, ${used}`),
      );
    },
    async fail(says, status = 9) {
      if (says === undefined) return rm(join(folder, "says"), { force: true });
      await put("status", [String(status)]);
      await put("says", [says]);
    },
    async calls() {
      const text = await readFile(join(folder, "calls"), "utf8").catch(() => "");
      return text.trim().split("\n").filter(Boolean);
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true });
    },
  };
  await smi.setGpus(...gpus);
  await smi.setApps();
  const program = join(folder, "nvidia-smi");
  await writeFile(program, SCRIPT);
  await chmod(program, 0o755);
  return smi;
}
