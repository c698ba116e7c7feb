// What a machine may be called: clients type it, and it stands in URLs.
import * as v from "valibot";
import { invalid } from "./errors.ts";

const NAME_MAX = 32;

export const MachineName = v.pipe(v.string(), v.regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/));

/** The place of `machine` that means: choose for me. */
export const AUTO = "auto";

export function isMachineName(name: string): boolean {
  return v.is(MachineName, name) && name !== AUTO;
}

/** @throws ToolError invalid_input */
export function checkMachineName(name: string): string {
  if (isMachineName(name)) return name;
  throw invalid(
    `A machine's name has 1 to ${NAME_MAX} small letters, digits and hyphens, and is not "${AUTO}"`,
    "E.g. box222",
  );
}

/** A host name as a machine's name: `Box_1.lan` → `box-1`. */
export function machineNameFrom(host: string): string {
  const [first = ""] = host.toLowerCase().split(".");
  const name = first
    .replace(/[^a-z0-9]+/g, "-")
    .slice(0, NAME_MAX)
    .replace(/^-+|-+$/g, "");
  return isMachineName(name) ? name : "box";
}
