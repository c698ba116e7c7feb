// The folder that export_model writes to: outputs, or one that the owner allowed.
import { stat } from "node:fs/promises";
import { invalid, ToolError } from "../../../shared/errors.ts";
import { isMissing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";

export interface Destination {
  readonly root: string;
  readonly rootName: string;
}

/**
 * `destination` is an export folder's name, or its path as list_exported_models shows it.
 * @throws ToolError invalid_input for any other; not_found while it is not there: it may be a disk that is not
 * mounted, and making the folder would fill the one below it
 */
export async function exportRoot(
  { outputs, exportRoots }: Pick<Paths, "outputs" | "exportRoots">,
  destination: string | undefined,
): Promise<Destination> {
  if (destination === undefined || destination === "outputs") return { root: outputs, rootName: "outputs" };
  const found = exportRoots.find(({ name, path }) => destination === name || destination === path);
  if (!found) {
    const names = exportRoots.map(({ name }) => name);
    throw invalid(
      `There is no export folder "${destination}" on this machine; there is ${["outputs", ...names].join(", ")}`,
      "The machine's owner allows one by --export-root /path/to/ComfyUI/models/loras",
    );
  }
  const stats = await stat(found.path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
  if (stats?.isDirectory()) return { root: found.path, rootName: found.name };
  throw new ToolError("not_found", `The export folder ${found.name} (${found.path}) is not there`, {
    hint: "Mount its disk or make the folder, then export again",
  });
}
