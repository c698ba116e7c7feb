// How much our launching adds to a bare spawn of the same command.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { createFolders, pathsOf } from "../agent/paths.ts";
import { launch } from "../agent/tools/training/process.ts";
import { medians, type Result } from "./measure.ts";
import { scratchFolder } from "./scratch.ts";

const EXTRA_MS_MAX = 30;

export async function benchLaunch(): Promise<Result[]> {
  const paths = pathsOf({ data: await scratchFolder() });
  await createFolders(paths);
  const command = ["/bin/true"] as const;
  const launcher = { pid: process.pid, startTicks: null, bootId: null };
  const [ours = 0, bare = 0] = await medians(
    [
      async () => {
        const folder = await mkdtemp(join(paths.jobs, "job-"));
        await launch({ command, cwd: "/", env: { PATH: "/usr/bin:/bin" }, launcher, folder });
      },
      async () => {
        const child = spawn(command[0], { stdio: "ignore" });
        await once(child, "spawn");
      },
    ],
    50,
    5,
  );
  const extra = ours - bare;
  return [
    {
      what: "launch of a trainer until its process exists, over a bare spawn",
      figure: `${ours.toFixed(1)} − ${bare.toFixed(1)} = ${extra.toFixed(1)} ms`,
      target: `≤ ${EXTRA_MS_MAX} ms`,
      ok: extra <= EXTRA_MS_MAX,
    },
  ];
}
