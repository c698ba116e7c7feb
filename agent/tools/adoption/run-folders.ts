// The folders of runs below `output` and `outputs`, whoever made them. People have thousands, so a folder is read again
// only when it has changed.
import { readdir, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { isMissing } from "../../files/sandbox.ts";
import { statAll } from "../../files/stat-all.ts";
import { checkpointStep } from "../training/run-files.ts";

export interface RunFolder {
  readonly path: string;
  /** Where it is: the name of the root, and the way from there. */
  readonly key: string;
  /** Of its config, which a trainer writes first; where that is missing, of the folder itself. */
  readonly createdMs: number;
}

export interface Root {
  readonly name: string;
  readonly path: string;
}

/** People sort their runs into folders, and few of them deeper. */
const DEPTH_MAX = 3;
/** Two writes within one tick of a file system's clock (2 s on FAT) carry the same stamp. */
const STAMP_SETTLED_MS = 2_500;
const NOT_RUNS: ReadonlySet<string> = new Set(["samples", "logs"]);

interface Look {
  readonly identity: string;
  readonly isRun: boolean;
  readonly subfolders: readonly string[];
  readonly createdMs: number;
}

/** What only a run leaves: a log of figures; a checkpoint called like the folder; or a config beside traces of training. */
function isRunFolder(name: string, files: ReadonlySet<string>, folders: ReadonlySet<string>): boolean {
  if (files.has("loss_log.db")) return true;
  const named = [...files, ...folders].some((entry) =>
    [entry, `${entry}.safetensors`].some((each) => checkpointStep(name, each) !== undefined),
  );
  const traces = folders.has("samples") || ["optimizer.pt", "log.txt"].some((file) => files.has(file));
  return (
    named ||
    (files.has("config.yaml") && (traces || [...files].some((file) => file.endsWith(".safetensors"))))
  );
}

export class RunFolders {
  readonly #roots: readonly Root[];
  #known = new Map<string, Look>();

  constructor(roots: readonly Root[]) {
    this.#roots = roots;
  }

  /** @param isOurs folders of our own jobs: they are not even looked at */
  async list(isOurs: (path: string) => boolean): Promise<RunFolder[]> {
    const known = new Map<string, Look>();
    const found: RunFolder[] = [];
    const seen = new Set<string>();
    for (const { name, path } of this.#roots) {
      const real = await realpath(path).catch(() => undefined); // missing: nothing has run yet
      // `output` as a link to `outputs` counts once.
      if (real === undefined || seen.has(real)) continue;
      seen.add(real);
      let level = (await readFolder(path)).folders.map((each) => each);
      for (let depth = 0; depth < DEPTH_MAX && level.length > 0; depth++) {
        const theirs = level.filter((way) => !isOurs(join(path, way)) && !isOurs(join(real, way)));
        level = [];
        const stats = await statAll(theirs.map((way) => join(path, way)));
        for (const [index, way] of theirs.entries()) {
          const info = stats[index];
          if (!info?.isDirectory()) continue; // gone meanwhile
          const folder = join(path, way);
          const identity = `${info.dev}:${info.ino}:${info.mtimeMs}:${info.ctimeMs}`;
          const before = this.#known.get(folder);
          const look = before?.identity === identity ? before : await lookAt(folder, identity, info.mtimeMs);
          if (Date.now() - info.mtimeMs > STAMP_SETTLED_MS) known.set(folder, look);
          if (look.isRun) found.push({ path: folder, key: `${name}/${way}`, createdMs: look.createdMs });
          else level.push(...look.subfolders.map((each) => `${way}/${each}`));
        }
      }
    }
    this.#known = known; // what is gone is forgotten
    return found;
  }
}

async function readFolder(
  path: string,
): Promise<{ readonly files: readonly string[]; readonly folders: readonly string[] }> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: unknown) => {
    if (isMissing(error) || isForbidden(error)) return [];
    throw error;
  });
  // A link may lead anywhere: what it leads to within the roots is found there.
  const names = (is: "isFile" | "isDirectory") =>
    entries.filter((entry) => entry[is]() && !entry.name.startsWith(".")).map((entry) => entry.name);
  return { files: names("isFile"), folders: names("isDirectory").filter((name) => !NOT_RUNS.has(name)) };
}

const isForbidden = (error: unknown) => error instanceof Error && "code" in error && error.code === "EACCES";

async function lookAt(path: string, identity: string, folderMs: number): Promise<Look> {
  const { files, folders } = await readFolder(path);
  const all = new Set(files);
  const hasSamples = await statAll([join(path, "samples"), join(path, "config.yaml")]);
  const [samples, config] = hasSamples;
  const inside = new Set(samples?.isDirectory() ? [...folders, "samples"] : folders);
  return {
    identity,
    isRun: isRunFolder(basename(path), all, inside),
    subfolders: folders,
    createdMs: config?.mtimeMs ?? folderMs,
  };
}
