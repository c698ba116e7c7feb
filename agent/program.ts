// How this very program is started again as something else: the bundle by its file, the source by its entry point.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The command of the process that checks data sets, for itself alone. */
export const CHECK_COMMAND = "check-datasets";

/** In the bundle this module is part of mcp-ai-toolkit.js; in the source tree main.ts lies beside it. */
export function entryPoint(): string {
  const beside = fileURLToPath(new URL("./main.ts", import.meta.url));
  return existsSync(beside) ? beside : fileURLToPath(import.meta.url);
}

/** The rehearsal trainer as a command; the config's path comes last. */
export function rehearsalCommand(): readonly [string, ...string[]] {
  return [process.execPath, entryPoint(), "rehearse"];
}
