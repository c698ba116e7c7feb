// From the command to the first answer: the installed bundle until /health, against Node doing nothing.
import { spawnSync } from "node:child_process";
import { join, resolve } from "node:path";
import { build } from "esbuild";
import { SHIPPED } from "../scripts/bundle.ts";
import { medians, type Result, ratio } from "./measure.ts";
import { BUILT, startProgram } from "./program.ts";
import { scratchFolder } from "./scratch.ts";

export async function benchStart(): Promise<Result[]> {
  const data = await scratchFolder();
  const echo = join(data, "echo.mjs");
  await build({ ...SHIPPED, entryPoints: [resolve(import.meta.dirname, "echo.ts")], outfile: echo });
  const [ours = 0, bare = 0, base = 0] = await medians(
    [
      async () => {
        const program = await startProgram([BUILT, "--data", data, "--trainer", "rehearsal", "--port", "0"]);
        await fetch(`${program.url}/health`).then((response) => response.json());
        program.child.kill("SIGKILL"); // the end is not what is measured
      },
      async () => {
        const program = await startProgram([echo]);
        await fetch(program.url).then((response) => response.text());
        program.child.kill("SIGKILL");
      },
      () => spawnSync(process.execPath, ["-e", "0"]),
    ],
    15,
    3,
  );
  return [
    ratio("start of the bundle until /health answers, against node -e 0", ours, base, 2.5),
    // How much of that is the price of Hono and Node's own HTTP and Web classes.
    ratio("the same, against a bare Hono server, bundled alike, until it answers", ours, bare, 2),
    ratio("that bare Hono server, against node -e 0", bare, base, 2.5),
  ];
}
