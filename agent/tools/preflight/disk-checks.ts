// Will it fit on the disk?
import type { Facts, Run } from "./facts.ts";
import { blocksRealRun, gb, type MachineCheck, warning } from "./machine-check.ts";

/** Where the forecast is unknown, less than this is little for any LoRA with its optimizer state. */
const LOW_BYTES = 2e9;
/** A forecast is no measurement: this much of the free space is left for what it does not know. */
const ENOUGH = 0.9;

export function forecastText({ forecast, freeBytes }: Run): string {
  if (!forecast) return "No training";
  const { checkpointBytes, checkpoints, optimizerBytes, latentBytes, neededBytes, source } = forecast;
  const free = freeBytes === null ? "an unknown number" : gb(freeBytes);
  if (neededBytes === null || checkpointBytes === null)
    return `${free} free; how much is needed is unknown: ${source}`;
  const parts = [
    `${checkpoints} checkpoints of ${gb(checkpointBytes)} (${source})`,
    optimizerBytes === null ? "optimizer state of unknown size" : `optimizer state ${gb(optimizerBytes)}`,
    latentBytes === null
      ? "cached latents of unknown size"
      : latentBytes > 0 && `cached latents up to ${gb(latentBytes)}`,
  ].filter((part) => part !== false);
  return `Needs about ${gb(neededBytes)}: ${parts.join(", ")}; ${free} free`;
}

function disk(facts: Facts) {
  const { run } = facts;
  if (!run?.forecast || run.freeBytes === null) return [];
  const { neededBytes } = run.forecast;
  const fix = "Free space, lower save.max_step_saves_to_keep, or delete old runs with delete_model";
  if (neededBytes === null) {
    return run.freeBytes < LOW_BYTES ? [warning(`The disk is nearly full: ${forecastText(run)}`, fix)] : [];
  }
  if (neededBytes > run.freeBytes)
    return [blocksRealRun(facts, `The disk will not suffice. ${forecastText(run)}`, fix)];
  return neededBytes > run.freeBytes * ENOUGH
    ? [warning(`The disk will just about suffice. ${forecastText(run)}`, fix)]
    : [];
}

export const DISK_CHECKS: readonly MachineCheck[] = [
  { name: "disk", run: disk, ok: ({ run }) => (run ? forecastText(run) : "Nothing would be written") },
];
