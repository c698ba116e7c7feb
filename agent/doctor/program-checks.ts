// The program itself: its Node, and the service that it may be.
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { LAYOUT, type Layout, SERVICE } from "../install/layout.ts";
import { tooOld } from "../node-version.ts";
import { error, type Finding, ok, warning } from "./finding.ts";

export function nodeCheck(version: string): Finding[] {
  const problem = tooOld(version);
  return [problem ? error("Node.js", problem, "https://nodejs.org") : ok("Node.js", version)];
}

/** As `systemctl is-active` says it: active, inactive, failed, activating … */
async function serviceState(): Promise<string> {
  const asked = promisify(execFile)("systemctl", ["is-active", SERVICE]);
  return await asked.then(
    ({ stdout }) => stdout.trim(),
    (failed: { readonly stdout?: string }) => failed.stdout?.trim() || "unknown", // exit code 3: not active
  );
}

/** Says nothing where none is installed: running it by hand is fine. */
export async function serviceCheck(
  layout: Layout = LAYOUT,
  stateOf: () => Promise<string> = serviceState,
): Promise<Finding[]> {
  const unit = await readFile(layout.unit, "utf8").catch(() => undefined); // not installed
  if (unit === undefined) return [];
  const user = /^User=(.+)$/m.exec(unit)?.[1] ?? "?";
  const state = await stateOf();
  if (state === "active") return [ok("service", `runs as ${user}`)];
  if (state === "unknown")
    return [warning("service", "systemd cannot be asked", `systemctl status ${SERVICE}`)];
  return [
    error(
      "service",
      `is ${state}`,
      `sudo systemctl restart ${SERVICE}; why it ended: sudo journalctl -u ${SERVICE} -n 30`,
    ),
  ];
}
