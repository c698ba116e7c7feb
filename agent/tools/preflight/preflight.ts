// What start_training runs first, and the tool `preflight` runs alone: every check, and what the run will do.
import type * as v from "valibot";
import { ToolError } from "../../../shared/errors.ts";
import type { preflight as contract } from "../../../shared/tools/preflight.ts";
import type { Trainer } from "../../trainer/trainer.ts";
import { error, type Finding } from "../configs/check.ts";
import { contextOf, runChecks } from "../configs/checks.ts";
import type { ConfigFile } from "../configs/config-file.ts";
import { MACHINE_CHECKS } from "./checks.ts";
import { type Facts, gatherFacts, type Machine, type Request } from "./facts.ts";
import { gpuAtOnce, vramOf } from "./gpu-checks.ts";
import { isRehearsal, type MachineFinding, trainerOf } from "./machine-check.ts";
import { resumesFrom } from "./output-checks.ts";

export type Will = v.InferInput<typeof contract.output>["will"];

/** A finding as a start sees it: a missing folder is an error then. */
export interface Checked extends Pick<MachineFinding, "text" | "fix" | "refusal"> {
  readonly check: string;
  readonly level: "ok" | "warning" | "error";
  /** Keeps a training from starting unless that is forced. */
  readonly blocks: boolean;
  /** Of the config alone, not of the machine. */
  readonly isConfig: boolean;
}

export interface Report {
  /** The parsed file. */
  readonly value: unknown;
  /** The first problem first: errors, blocking warnings, other warnings, then what is well. */
  readonly checks: readonly Checked[];
  readonly will: Will;
  readonly trainer: Trainer | undefined;
}

/** Licences, downloads and uploads are no matter to a rehearsal. */
const ONLY_REAL = ["gated model", "push to hub"];

function atStart(check: string, finding: MachineFinding, isConfig: boolean, rehearsal: boolean): Checked {
  const { text, fix, atStart: at, refusal } = finding;
  const level = at === "error" ? "error" : finding.level;
  const blocks = at === "blocks" && !(rehearsal && ONLY_REAL.includes(check));
  return { check, level, text, fix, blocks, isConfig, ...(refusal && { refusal }) };
}

const RANK = { error: 0, warning: 2, ok: 3 } as const;
const rankOf = ({ level, blocks }: Checked) => (blocks ? 1 : RANK[level]);

function willOf(facts: Facts): Will {
  const { run } = facts;
  const vram = vramOf(facts);
  const forecast = run?.forecast;
  return {
    output_folder: run?.config.outputFolder ?? null,
    resumes_from_step: resumesFrom(facts),
    steps: run?.config.totalSteps ?? null,
    trainer: trainerOf(facts)?.kind ?? null,
    gpu: gpuAtOnce(facts)?.index ?? null,
    checkpoint_bytes_each: forecast?.checkpointBytes ?? null,
    checkpoint_bytes_source: forecast?.source ?? null,
    checkpoints_kept: forecast?.checkpoints ?? null,
    disk_needed_bytes: forecast?.neededBytes ?? null,
    disk_free_bytes: run?.freeBytes ?? null,
    vram_needed_gb: vram.neededGb,
    vram_free_gb: vram.freeGb,
  };
}

/** @throws whatever a check throws: a bug, or a disk that does not answer */
export async function preflight(
  file: Pick<ConfigFile, "text" | "value">,
  machine: Machine,
  request: Request,
): Promise<Report> {
  const trainer = await machine.trainer().catch((problem: unknown) => {
    if (problem instanceof ToolError) return problem;
    throw problem;
  });
  const { paths, environment } = machine;
  const home = "kind" in trainer ? trainer.cwd : paths.root;
  const context = await contextOf(file, paths, environment, home);
  const ofConfig = await runChecks(context);
  const failed = (name: string) =>
    ofConfig.some(({ check, findings }) => check === name && findings.some(({ level }) => level === "error"));
  const facts = await gatherFacts(machine, context, trainer, request, {
    toRead: failed("places to read"),
    toWrite: failed("places to write") || failed("name"),
  });
  const rehearsal = isRehearsal(facts);
  const checks: Checked[] = [];
  const add = (check: string, findings: readonly (Finding | false)[], isConfig: boolean, ok: string) => {
    const found = findings.filter((finding) => finding !== false);
    checks.push(...found.map((finding) => atStart(check, finding, isConfig, rehearsal)));
    if (found.length === 0) checks.push({ check, level: "ok", text: ok, fix: "", blocks: false, isConfig });
  };
  // In this order: a missing trainer is said before what is wrong with the config.
  for (const { name, run, ok } of MACHINE_CHECKS) add(name, await run(facts), false, ok(facts));
  // Nearly all of them find nothing, nearly always: one line for those.
  const fine = ofConfig.filter(({ findings }) => findings.length === 0).length;
  for (const { check, findings } of ofConfig) if (findings.length > 0) add(check, findings, true, "");
  add("config", [], true, `${fine} of ${ofConfig.length} checks of its text found nothing`);
  const { shapeProblem } = facts;
  if (shapeProblem && !checks.some(({ level, isConfig }) => isConfig && level === "error"))
    add("shape", [error(shapeProblem.message, shapeProblem.hint ?? "Mend the configuration")], true, "");
  return {
    value: file.value,
    checks: checks.toSorted((a, b) => rankOf(a) - rankOf(b)),
    will: willOf(facts),
    trainer: trainerOf(facts),
  };
}
