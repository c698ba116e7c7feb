// mcp-ai-toolkit upgrade: another version under the same settings; the one before it stays, and comes back if need be.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SUDO_CALLED } from "../called.ts";
import { UsageError } from "../usage-error.ts";
import { linked } from "./activate.ts";
import type { Installing } from "./install.ts";
import { layoutIn } from "./layout.ts";
import { planFor } from "./plan.ts";
import { folderName, programIn } from "./program.ts";
import { linkStep, runSteps } from "./steps.ts";
import { placeStep, startSteps } from "./version-steps.ts";

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
    throw new UsageError(`Nothing is installed yet; run: ${SUDO_CALLED} install --data /ai-toolkit`);
  }
  const plan = await planFor({ root, user });
  const program = await programIn(source.root, source.node);
  const name = await folderName(program);
  const version = { program, name, source };
  const as = () => (plan.root === "/" ? plan.account.owner : undefined);
  const swap = [
    ...(before === name ? [] : [linkStep(layout.previous, join("versions", before))]),
    linkStep(layout.current, join("versions", name)),
  ];
  const steps = [
    placeStep(version, plan, as),
    ...(manager ? startSteps(version, plan, { manager, print, healthyMs }) : swap),
  ];
  await runSteps(steps, dryRun, print);
}
