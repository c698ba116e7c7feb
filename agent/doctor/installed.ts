// The installed service, as far as the doctor has to know it: whose it is, and what it was told.
import { existsSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { LAYOUT, type Layout } from "../install/layout.ts";
import { type Settings, settingsIn } from "../install/settings.ts";

export interface InstalledService {
  readonly user: string;
  /** undefined: only root may read them. */
  readonly settings: Settings | undefined;
}

export function installedService(layout: Layout = LAYOUT): InstalledService | undefined {
  if (!existsSync(layout.unit)) return undefined;
  const user = /^User=(.+)$/m.exec(readFileSync(layout.unit, "utf8"))?.[1] ?? "";
  try {
    return { user, settings: settingsIn(readFileSync(layout.settings, "utf8")) };
  } catch {
    return { user, settings: undefined };
  }
}

/**
 * `service`: what the service works with. `folder`: the folder that was named, or the default one. `outside`: there is
 * a service, but its settings, and with them its folders and its port, are not the caller's to read.
 */
export function whatToLookAt(
  service: InstalledService | undefined,
  data: string | undefined,
): "service" | "folder" | "outside" {
  if (!service) return "folder";
  if (data === undefined) return service.settings ? "service" : "outside";
  const its = service.settings?.["AI_TOOLKIT_PATH"];
  return its !== undefined && resolve(its) === resolve(data) ? "service" : "folder";
}
