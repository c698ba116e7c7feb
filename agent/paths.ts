// Where everything lies below AI_TOOLKIT_PATH.
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";

export interface Paths {
  /** AI_TOOLKIT_PATH: holds run.py when the toolkit is installed there, and the folders below. */
  readonly root: string;
  readonly config: string;
  readonly datasets: string;
  /** Where new runs go. Absolute in every config we write, so that ai-toolkit and we mean the same folder. */
  readonly output: string;
  /** The old server's folder for exported models. */
  readonly outputs: string;
  /** Ours alone: agent.db, jobs/, trash/, staging/. */
  readonly state: string;
  readonly db: string;
  /** Which changes were made under which key. */
  readonly calls: string;
  /** Of this machine's own clients; there is none before the first was made. */
  readonly tokens: string;
  /** The links that were given out for uploads and downloads, and the key that signs them. */
  readonly links: string;
  /** Says that a renamed machine is the same one. */
  readonly machineId: string;
  readonly jobs: string;
  readonly trash: string;
  /** Uploads that are not whole yet. */
  readonly staging: string;
  /** Further folders that `dataset_path` in a config may point into. */
  readonly datasetRoots: readonly string[];
  /** Folders outside, e.g. ComfyUI's, that models may be exported to. */
  readonly exportRoots: readonly ExportRoot[];
}

export interface ExportRoot {
  /** What clients call it. */
  readonly name: string;
  readonly path: string;
}

export interface PathOptions {
  readonly data: string;
  readonly state?: string | undefined;
  readonly datasetRoots?: readonly string[] | undefined;
  readonly exportRoots?: readonly ExportRoot[] | undefined;
}

export function pathsOf({ data, state, datasetRoots = [], exportRoots = [] }: PathOptions): Paths {
  const root = resolve(data);
  const stateFolder = state ? resolve(state) : join(root, ".mcp-ai-toolkit");
  return {
    root,
    config: join(root, "config"),
    datasets: join(root, "datasets"),
    output: join(root, "output"),
    outputs: join(root, "outputs"),
    state: stateFolder,
    db: join(stateFolder, "agent.db"),
    calls: join(stateFolder, "calls.db"),
    tokens: join(stateFolder, "tokens.db"),
    links: join(stateFolder, "links.db"),
    machineId: join(stateFolder, "machine-id"),
    jobs: join(stateFolder, "jobs"),
    trash: join(stateFolder, "trash"),
    staging: join(stateFolder, "staging"),
    datasetRoots: datasetRoots.map((path) => resolve(path)),
    exportRoots: exportRoots.map(({ name, path }) => ({ name, path: resolve(path) })),
  };
}

/** Creates what is missing. The state folder is private: job environments and logs lie in it. */
export async function createFolders(paths: Paths): Promise<void> {
  for (const folder of [paths.config, paths.datasets, paths.output, paths.outputs]) {
    await mkdir(folder, { recursive: true });
  }
  for (const folder of [paths.state, paths.jobs, paths.trash, paths.staging]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
}
