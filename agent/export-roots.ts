// `--export-root comfy=/srv/ComfyUI/models/loras`: folders outside that clients know by name.
import { basename, isAbsolute } from "node:path";
import type { ExportRoot } from "./paths.ts";
import { UsageError } from "./usage-error.ts";

const NAMED = /^([A-Za-z0-9][\w.-]{0,63})=(\/.*)$/;

function exportRoot(given: string): ExportRoot {
  const [, name, path] = NAMED.exec(given) ?? [];
  if (name !== undefined && path !== undefined) return { name, path };
  if (isAbsolute(given) && basename(given) !== "") return { name: basename(given), path: given };
  throw new UsageError(
    `--export-root takes an absolute folder, or name=folder, e.g. comfy=/srv/ComfyUI/models/loras; not "${given}"`,
  );
}

/** A folder without a name is called as its last part. @throws UsageError */
export function exportRoots(given: readonly string[]): ExportRoot[] {
  const roots = given.map(exportRoot);
  const twice = roots.find(({ name }, index) => roots.findIndex((each) => each.name === name) < index);
  if (!twice) return roots;
  throw new UsageError(
    `Two of --export-root are called "${twice.name}"; name them: --export-root NAME=${twice.path}`,
  );
}
