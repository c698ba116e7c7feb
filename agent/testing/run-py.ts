// For tests: a real process whose command line is ai-toolkit's, started as its web UI or a person in a shell starts it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

export interface RunPyOptions {
  /** The toolkit's folder, in which `run.py` is made where there is none. */
  readonly toolkit: string;
  /** As it stands on the command line. */
  readonly config: string;
  readonly jobId?: string;
}

export interface RunPy {
  readonly pid: number;
  /** Killed, as by a machine without memory. */
  kill(): Promise<void>;
}

/** Runs until it is killed, or this process ends: it reads a pipe from here. */
export async function startRunPy({ toolkit, config, jobId }: RunPyOptions): Promise<RunPy> {
  const script = join(toolkit, "run.py");
  await mkdir(dirname(script), { recursive: true });
  await writeFile(script, "echo ready; read -r line");
  const child = spawn("/bin/sh", [script, config], {
    cwd: toolkit,
    detached: true,
    env: jobId === undefined ? {} : { AITK_JOB_ID: jobId },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  await once(child.stdout, "data");
  return {
    pid: Number(child.pid),
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}
