// The steps by which a version comes to run, at an installation as at an upgrade.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { activate, prune } from "./activate.ts";
import type { Owner } from "./as-user.ts";
import { localUrl } from "./health.ts";
import { type Plan, unitOf } from "./plan.ts";
import { type Program, placeProgram } from "./program.ts";
import type { ServiceManager } from "./service-manager.ts";
import type { Source } from "./source.ts";
import { type Print, type Step, UNCHANGED } from "./steps.ts";

export interface Version {
  readonly program: Program;
  /** Of its folder. */
  readonly name: string;
  readonly source: Source;
}

export function placeStep({ program, name, source }: Version, plan: Plan, as: () => Owner | undefined): Step {
  const { versions } = plan.layout;
  return {
    title: `Copy the program to ${join(versions, name)}, and try it out`,
    detail: `version ${program.version} from ${source.root}, ${program.files.length} files\nNode ${process.version} from ${source.node}`,
    async run() {
      await mkdir(versions, { recursive: true, mode: 0o755 });
      return (await placeProgram(program, versions, name, as())) ? undefined : UNCHANGED;
    },
  };
}

export interface Starting {
  readonly manager: ServiceManager;
  readonly print: Print;
  readonly healthyMs?: number | undefined;
}

/** Starts it, and removes what neither runs nor ran before it. */
export function startSteps(
  { program, name }: Version,
  plan: Plan,
  { manager, print, healthyMs }: Starting,
): Step[] {
  const { layout } = plan;
  const unit = unitOf(plan);
  const url = localUrl(plan.settings);
  return [
    {
      title: `Write ${layout.unit}, let ${name} run and wait until ${url} answers; trainings go on`,
      detail: unit,
      async run() {
        const { version } = program;
        await activate({ layout, manager, url, name, version, unit, print, healthyMs });
        return undefined;
      },
    },
    {
      title: "Remove versions that are no longer needed",
      async run() {
        const removed = await prune(layout);
        return removed.length === 0 ? UNCHANGED : removed.join(", ");
      },
    },
  ];
}
