// The tokens of a machine with clients of its own, as its owner commands them.
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { pathsOf } from "../paths.ts";
import { UsageError } from "../usage-error.ts";
import type { Environment } from "./admin-flags.ts";
import { databaseAdmin, type RouterAdmin } from "./administration.ts";

/** The nearest folder on the way to `path` that is there. */
function nearest(path: string): string {
  return statSync(path, { throwIfNoEntry: false }) || dirname(path) === path ? path : nearest(dirname(path));
}

/**
 * Root becomes the folder's owner first, for the rest of this process: what it made itself, the service could not open.
 * Makes nothing but the state folder. @throws UsageError when there is no data folder
 */
export function machineAdmin(data: string, env: Environment): RouterAdmin {
  const { root, state, tokens } = pathsOf({ data, state: env["MCP_AI_TOOLKIT_STATE"] });
  if (!statSync(root, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(
      `--agent-data: there is no folder ${root}; name the one that the agent's --data names`,
    );
  }
  if (process.geteuid?.() === 0) {
    const { uid, gid } = statSync(nearest(state));
    process.setegid?.(gid);
    process.seteuid?.(uid);
  }
  try {
    return databaseAdmin(tokens);
  } catch (error) {
    if (statSync(root).uid === process.geteuid?.()) throw error;
    const why = (error as Error).message;
    throw new UsageError(
      `--agent-data: ${root} is somebody else's, and its tokens are closed to you (${why}); run this with sudo`,
    );
  }
}
