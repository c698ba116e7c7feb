// Where things are on an installed machine.
import { join } from "node:path";

export const SERVICE = "mcp-ai-toolkit";
/** The account that is made when the data folder has no owner of its own; its home holds the caches of a training. */
export const ACCOUNT = SERVICE;
export const ACCOUNT_HOME = `/var/lib/${SERVICE}`;

export interface Layout {
  /** One folder for each version: its Node, the program, its native parts. */
  readonly versions: string;
  /** Link to the version that runs. */
  readonly current: string;
  /** Link to the one before it. */
  readonly previous: string;
  /** The command for people. */
  readonly command: string;
  /** The service's environment: its options, and room for HF_TOKEN. */
  readonly settings: string;
  readonly unit: string;
  /** What makes the unit start with the machine. */
  readonly enabled: string;
  readonly account: string;
}

/** Paths as the machine will know them. */
export const LAYOUT: Layout = {
  versions: `/opt/${SERVICE}/versions`,
  current: `/opt/${SERVICE}/current`,
  previous: `/opt/${SERVICE}/previous`,
  command: `/usr/local/bin/${SERVICE}`,
  settings: `/etc/${SERVICE}/service.env`,
  unit: `/etc/systemd/system/${SERVICE}.service`,
  enabled: `/etc/systemd/system/multi-user.target.wants/${SERVICE}.service`,
  account: `/etc/sysusers.d/${SERVICE}.conf`,
};

/** The same below another root, e.g. that of an image being made. */
export function layoutIn(root: string): Layout {
  const entries = Object.entries(LAYOUT).map(([name, path]) => [name, join(root, path)]);
  return Object.fromEntries(entries) as Record<keyof Layout, string>;
}
