// A check of preflight's looks at the machine, the data and what earlier runs left; those of the text alone are in
// ../configs/checks.ts. Which there are stands in checks.ts.
import type { ToolError } from "../../../shared/errors.ts";
import { blocker, error, type Finding, warning } from "../configs/check.ts";
import type { Facts } from "./facts.ts";

export interface MachineFinding extends Finding {
  /** What a start answers instead of a list of findings. */
  readonly refusal?: ToolError;
}

export interface MachineCheck {
  readonly name: string;
  readonly run: (
    facts: Facts,
  ) => readonly (MachineFinding | false)[] | Promise<readonly (MachineFinding | false)[]>;
  /** What is said when all is well. */
  readonly ok: (facts: Facts) => string;
}

export const trainerOf = ({ trainer }: Facts) => ("kind" in trainer ? trainer : undefined);
export const isRehearsal = (facts: Facts) => trainerOf(facts)?.kind === "rehearsal";

/** What would end a real run is no more than a remark to a rehearsal, which needs neither models nor a GPU. */
export function blocksRealRun(facts: Facts, text: string, fix: string): Finding {
  return isRehearsal(facts) ? warning(text, fix) : blocker(text, fix);
}

export const gb = (bytes: number): string =>
  bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.ceil(bytes / 1e6)} MB`;

export { blocker, error, warning };
