// list_datasets: every folder below `datasets`, with what it holds.
import type { Dirent } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type * as v from "valibot";
import { ToolError } from "../../../shared/errors.ts";
import type { listDatasets } from "../../../shared/tools/datasets.ts";
import { closing, folderInside, isMissing } from "../../files/sandbox.ts";
import type { Paths } from "../../paths.ts";
import { ScanMemory, scanDataset } from "./dataset-scan.ts";
import { kindOfDataset } from "./media.ts";
import { Turns } from "./turns.ts";

type Output = v.InferInput<typeof listDatasets.output>;

/** The contract's "first ten". */
const MISSING_SHOWN = 10;

export class DatasetList {
  readonly #paths: Paths;
  readonly #memory = new ScanMemory(MISSING_SHOWN);
  readonly #turns = new Turns();

  constructor(paths: Paths) {
    this.#paths = paths;
  }

  /** Sorted by name. A data set that cannot be read becomes a warning, not a failure of the others. */
  read(signal: AbortSignal): Promise<Output> {
    // One walk at a time: those who asked meanwhile find its results in the memory, checked against the disk again.
    return this.#turns.take("list", signal, async () => {
      const datasets: Output["datasets"] = [];
      const warnings: string[] = [];
      for (const entry of await this.#entries()) {
        const { name } = entry;
        try {
          const dataset = await this.#describe(entry, signal);
          if (dataset) datasets.push(dataset);
        } catch (error) {
          if (!(error instanceof Error && "syscall" in error && "code" in error)) throw error;
          warnings.push(`The dataset ${name} cannot be read (${error.code})`);
        }
      }
      this.#memory.forgetUnvisited();
      return { datasets, ...(warnings.length > 0 && { warnings }) };
    });
  }

  async #entries(): Promise<Dirent[]> {
    const entries = await readdir(this.#paths.datasets, { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return entries
      .filter((entry) => !entry.name.startsWith(".") && (entry.isDirectory() || entry.isSymbolicLink()))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** undefined: no folder (any more), or a link that leads out of the folders that data sets may lie in. */
  async #describe(entry: Dirent, signal: AbortSignal): Promise<Output["datasets"][number] | undefined> {
    const { name } = entry;
    const path = join(this.#paths.datasets, name);
    try {
      // Only a link can lead elsewhere; opening 200 plain folders as well would cost more than all the rest.
      const scanned = entry.isSymbolicLink() ? await this.#realPathOf(name) : path;
      const figures = await scanDataset(scanned, signal, this.#memory);
      return {
        name,
        path,
        image_count: figures.counts.image,
        caption_count: figures.captionCount,
        missing_captions: [...figures.missingCaptions],
        missing_caption_count: figures.missingCaptionCount,
        total_size_bytes: figures.mediaBytes,
        kind: kindOfDataset(figures.counts),
      };
    } catch (error) {
      if (isMissing(error) || error instanceof ToolError) return undefined;
      throw error;
    }
  }

  async #realPathOf(name: string): Promise<string> {
    const { datasets, datasetRoots } = this.#paths;
    const folder = await folderInside(datasets, name, "dataset", { alsoInside: datasetRoots });
    return await closing(folder, async ({ path }) => path);
  }
}
