// The package that is running: from npx's cache, from a clone, or the installed one itself.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Source {
  readonly root: string;
  readonly node: string;
}

/** The bundle lies in dist/, this file in agent/install/: the package is the next folder above that has a manifest. */
function packageRoot(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : packageRoot(dirname(folder));
}

export const runningSource = (): Source => ({
  root: packageRoot(import.meta.dirname),
  node: process.execPath,
});
