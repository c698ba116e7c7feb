import { lstat, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Handlers } from "../../../shared/contract.ts";
import { softError, ToolError } from "../../../shared/errors.ts";
import type { datasetTools } from "../../../shared/tools/datasets.ts";
import {
  checkRelative,
  closing,
  type Folder,
  folderInside,
  isMissing,
  splitPath,
} from "../../files/sandbox.ts";
import type { Trash } from "../../files/trash.ts";
import type { InUse } from "../../in-use.ts";
import type { Paths } from "../../paths.ts";
import { DatasetList } from "./dataset-list.ts";
import { scanDataset } from "./dataset-scan.ts";
import { missingCaptionsText } from "./missing-captions.ts";
import { Turns } from "./turns.ts";
import { saveImages } from "./upload.ts";

export interface DatasetParts {
  readonly paths: Paths;
  readonly inUse: InUse;
  readonly trash: Trash;
}

const BYTES_PER_MB = 1024 * 1024; // as the old server counted

export const datasetHandlers = ({ paths, inUse, trash }: DatasetParts): Handlers<typeof datasetTools> => {
  const list = new DatasetList(paths);
  // Uploads and deletes of one data set, and of those inside it, exclude each other.
  const turns = new Turns();
  const turnOf = (name: string) => name.split("/", 1)[0] ?? name;

  return {
    upload_dataset: (input, context) =>
      turns.take(turnOf(input.dataset_name), context.signal, () =>
        saveImages(paths.datasets, input, context),
      ),

    list_datasets: (_input, { signal }) => list.read(signal),

    async get_dataset_info({ name }, { signal }) {
      const folder = await orNotFound(
        folderInside(paths.datasets, checkRelative(name, "dataset"), "dataset", {
          alsoInside: paths.datasetRoots,
        }),
      );
      const figures = await closing(folder, (opened) => scanDataset(opened.at("."), signal));
      return {
        name,
        path: join(paths.datasets, name),
        image_count: figures.imageCount,
        caption_count: figures.captionCount,
        captions_complete: figures.missingCaptionCount === 0,
        missing_captions: missingCaptionsText(figures.missingCaptions),
        missing_caption_files: [...figures.missingCaptions],
        total_size_mb: Math.round((figures.imageBytes / BYTES_PER_MB) * 100) / 100,
        total_size_bytes: figures.imageBytes,
      };
    },

    delete_dataset: ({ name }, { signal }) =>
      turns.take(turnOf(name), signal, async () => {
        const { folder: parent, name: last } = splitPath(checkRelative(name, "dataset"));
        const gone = { success: false };
        const folder = await orNotFound(folderInside(paths.datasets, parent, "dataset"), gone);
        return await closing(folder, async (opened) => {
          await orNotFound(checkIsFolder(opened, last), gone);
          // A job may know it by its path, by its real path, or by the path of what the link leads to.
          const target = await realpath(opened.at(last)).catch(() => undefined); // a link that leads nowhere
          refuseInUse(inUse, name, [
            join(paths.datasets, name),
            join(opened.path, last),
            ...(target ? [target] : []),
          ]);
          const id = await trash.put("dataset", name, opened, [last]);
          return { deleted: name, success: true as const, trash_id: id };
        });
      }),
  };
};

async function orNotFound<T>(work: Promise<T>, extra: Record<string, unknown> = {}): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!isMissing(error)) throw error;
    throw softError("not_found", "Dataset not found", extra, "list_datasets shows the datasets there are");
  }
}

/** @throws ENOTDIR unless it is a folder or a symlink, wherever that leads; what is deleted is the link */
async function checkIsFolder(parent: Folder, name: string): Promise<void> {
  const stats = await lstat(parent.at(name));
  if (stats.isDirectory() || stats.isSymbolicLink()) return;
  throw Object.assign(new Error(`${name} is a file`), { code: "ENOTDIR" });
}

function refuseInUse(inUse: InUse, name: string, paths: readonly string[]): void {
  for (const path of paths) {
    const job = inUse.jobUsing(path);
    if (!job) continue;
    throw new ToolError("conflict", `The dataset ${name} is used by the training job ${job}`, {
      hint: "Stop the job with stop_training or wait until it has finished, then delete again",
    });
  }
}
