// Everything that is checked in a config before it may train.
import type { Paths } from "../../paths.ts";
import type { Environment } from "../../trainer/environment.ts";
import {
  asObject,
  asText,
  type Check,
  type CheckContext,
  datasetsOf,
  type Finding,
  isObject,
  type Process,
  processesOf,
} from "./check.ts";
import type { ConfigFile } from "./config-file.ts";
import { CONFLICT_CHECKS } from "./conflict-checks.ts";
import { CONTROL_CHECKS } from "./control-checks.ts";
import { DATASET_CHECKS } from "./dataset-checks.ts";
import { isDownloaded } from "./hf-cache.ts";
import { hasHfToken } from "./hf-token.ts";
import { KEY_CHECKS } from "./key-checks.ts";
import { OTHER_JOBS, OTHER_PROCESSES } from "./known-values.ts";
import { PLACE_CHECKS } from "./place-checks.ts";
import { SAVING_CHECKS } from "./saving-checks.ts";
import { STRUCTURE_CHECKS } from "./structure-checks.ts";
import { TEXT_CHECKS } from "./text-checks.ts";
import { TRAINING_CHECKS } from "./training-checks.ts";

/** In the order in which their findings are listed. */
export const CHECKS: readonly Check[] = [
  ...STRUCTURE_CHECKS,
  ...PLACE_CHECKS,
  ...DATASET_CHECKS,
  ...TRAINING_CHECKS,
  ...CONFLICT_CHECKS,
  ...SAVING_CHECKS,
  ...CONTROL_CHECKS,
  ...TEXT_CHECKS,
  ...KEY_CHECKS,
];

export interface Verdict {
  readonly errors: string[];
  readonly warnings: string[];
}

/** A process of unknown type is taken for a trainer: so did the old server, and nearly all are. */
function trainersOf(config: unknown): Process[] {
  if (OTHER_JOBS.includes(asText(asObject(config).job) ?? "")) return [];
  return processesOf(config).flatMap((block, index) => {
    if (!isObject(block) || OTHER_PROCESSES.has(asText(block.type) ?? "")) return [];
    return [{ at: index === 0 ? "" : `process[${index}]: `, block }];
  });
}

/** What checks look at. */
export async function contextOf(
  { text, value }: Pick<ConfigFile, "text" | "value">,
  paths: Paths,
  environment: Environment,
  /** Where run.py is. */
  toolkit: string = paths.root,
): Promise<CheckContext> {
  const trainers = trainersOf(value);
  return {
    text,
    config: value,
    trainers,
    datasets: trainers.flatMap((process) => datasetsOf(process, paths.root)),
    paths,
    hasHfToken: await hasHfToken(toolkit, environment),
    isDownloaded: (path) => isDownloaded(path, environment),
  };
}

/** What a check said; nothing when all is well. */
export interface Checked {
  readonly check: string;
  readonly findings: readonly Finding[];
}

export async function runChecks(context: CheckContext): Promise<readonly Checked[]> {
  const checked: Checked[] = [];
  for (const { name, run } of CHECKS) checked.push({ check: name, findings: await run(context) });
  return checked;
}

/** What all checks say of a config that could be read. */
export async function checkConfig(
  file: Pick<ConfigFile, "text" | "value">,
  paths: Paths,
  environment: Environment,
): Promise<Verdict> {
  const checked = await runChecks(await contextOf(file, paths, environment));
  const findings = checked.flatMap((each) => each.findings);
  const textsOf = (level: Finding["level"]) =>
    findings.filter((finding) => finding.level === level).map(({ text }) => text);
  return { errors: textsOf("error"), warnings: textsOf("warning") };
}
