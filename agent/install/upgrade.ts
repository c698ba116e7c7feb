// mcp-ai-toolkit upgrade: another version under the same settings; the one before it stays, and comes back if need be.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../usage-error.ts";
import { activate, linked, prune } from "./activate.ts";
import { localUrl } from "./health.ts";
import type { Installing } from "./install.ts";
import { layoutIn } from "./layout.ts";
import { planFor, unitOf } from "./plan.ts";
import { folderName, placeProgram, programIn } from "./program.ts";
import { linkStep, runSteps, type Step, UNCHANGED } from "./steps.ts";

/** The account stays as it is, whoever owns the data folder by now. */
const userIn = (unit: string) => /^User=(.+)$/m.exec(unit)?.[1];

/** @throws UsageError when nothing is installed; Error after the former version runs again */
export async function upgrade(
  root: string,
  { source, manager, dryRun, print, healthyMs }: Installing,
): Promise<void> {
  const layout = layoutIn(root);
  const before = await linked(layout.current);
  const user = userIn(await readFile(layout.unit, "utf8").catch(() => "")); // none: not installed
  if (before === undefined || user === undefined) {
    throw new UsageError("Nothing is installed yet; run: sudo npx mcp-ai-toolkit install --data /ai-toolkit");
  }
  const plan = await planFor({ root, user });
  const program = await programIn(source.root, source.node);
  const name = await folderName(program);
  const url = localUrl(plan.settings);
  const unit = unitOf(plan);
  const steps: Step[] = [
    {
      title: `Copy the program to ${join(layout.versions, name)}, and try it out`,
      detail: `version ${program.version} from ${source.root}; ${before} runs now`,
      async run() {
        await mkdir(layout.versions, { recursive: true, mode: 0o755 });
        const as = plan.root === "/" ? plan.account.owner : undefined;
        const placed = await placeProgram(program, layout.versions, name, as);
        return placed ? undefined : UNCHANGED;
      },
    },
    ...(manager || before === name ? [] : [linkStep(layout.previous, join("versions", before))]),
    manager
      ? {
          title: `Let ${name} take over from ${before} and wait until ${url} answers; trainings go on`,
          detail: unit,
          async run() {
            const { version } = program;
            const limit = healthyMs === undefined ? {} : { healthyMs };
            await activate({ layout, manager, url, name, version, unit, print, ...limit });
            return undefined;
          },
        }
      : linkStep(layout.current, join("versions", name)),
    {
      title: "Remove versions that are no longer needed",
      async run() {
        const removed = await prune(layout);
        return removed.length === 0 ? UNCHANGED : removed.join(", ");
      },
    },
  ];
  await runSteps(steps, dryRun, print);
}
