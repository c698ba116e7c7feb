// Lets a version run, and takes the one before it back when it does not come up.
import { readdir, readFile, readlink, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { untilHealthy } from "./health.ts";
import type { Layout } from "./layout.ts";
import type { ServiceManager } from "./service-manager.ts";
import { type Print, pointTo } from "./steps.ts";

const HEALTHY_MS = 90_000;

export interface Activation {
  readonly layout: Layout;
  readonly manager: ServiceManager;
  readonly url: string;
  /** The folder's name, and the version that it is to say. */
  readonly name: string;
  readonly version: string;
  readonly unit: string;
  readonly healthyMs?: number | undefined;
  readonly print: Print;
}

const target = (name: string) => join("versions", name);

/** The name of the folder that a link leads to; undefined without a link. */
export async function linked(link: string): Promise<string | undefined> {
  const to = await readlink(link).catch(() => undefined); // none yet
  return to === undefined ? undefined : basename(to);
}

/**
 * Swaps link and unit, restarts, and waits until the version answers. Trainings go on meanwhile (KillMode=process).
 * @throws Error after the former version runs again
 */
export async function activate(activation: Activation): Promise<void> {
  const { layout, manager, url, name, version, unit, healthyMs = HEALTHY_MS, print } = activation;
  const before = await linked(layout.current);
  const unitBefore = await readFile(layout.unit, "utf8").catch(() => undefined); // none yet
  await writeFile(layout.unit, unit);
  await pointTo(layout.current, target(name));
  try {
    await manager.reload();
    await manager.restart();
    await untilHealthy(url, version, healthyMs);
  } catch (error) {
    const { message } = error as Error;
    const isFirst = before === undefined || unitBefore === undefined;
    // Nothing else to go back to.
    if (isFirst || (before === name && unitBefore === unit)) {
      throw new Error(
        `The service does not come up: ${message}\nSee why:  sudo journalctl -u mcp-ai-toolkit -n 30`,
      );
    }
    print(`✗ ${name} does not come up (${message}); going back to ${before}`);
    await writeFile(layout.unit, unitBefore);
    await pointTo(layout.current, target(before));
    await manager.reload();
    await manager.restart();
    throw new Error(
      `${name} did not come up and ${before} runs again. See why:  sudo journalctl -u mcp-ai-toolkit`,
    );
  }
  if (before !== undefined && before !== name) await pointTo(layout.previous, target(before));
}

/** Removes all versions but the one that runs and the one before it. @returns their names */
export async function prune({ versions, current, previous }: Layout): Promise<string[]> {
  const kept = [await linked(current), await linked(previous)];
  const names = (await readdir(versions)).filter((name) => !kept.includes(name));
  for (const name of names) await rm(join(versions, name), { recursive: true });
  return names;
}
