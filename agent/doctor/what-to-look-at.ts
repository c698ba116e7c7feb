// Whether the doctor looks at the installed service, or at a folder.
import { resolve } from "node:path";
import type { InstalledService } from "../install/installed.ts";

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
