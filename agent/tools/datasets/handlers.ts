import { lstat, readdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Handlers } from "../../../shared/contract.ts";
import type { datasetTools } from "../../../shared/tools/datasets.ts";
import { checkRelative, closing, type Folder, folderInside, splitPath } from "../../files/sandbox.ts";
import type { Trash } from "../../files/trash.ts";
import type { InUse } from "../../in-use.ts";
import type { Paths } from "../../paths.ts";
import { pageOf } from "../page.ts";
import { companionsOf } from "./companions.ts";
import { DatasetList } from "./dataset-list.ts";
import { scanDataset } from "./dataset-scan.ts";
import { kindOfDataset } from "./media.ts";
import { missingCaptionsText } from "./missing-captions.ts";
import { onDataset } from "./on-dataset.ts";
import { openDataset, orNotFound } from "./open-dataset.ts";
import { refuseInUse } from "./refuse-in-use.ts";
import { type Turns, turnOf } from "./turns.ts";
import { saveImages } from "./upload.ts";

export interface DatasetParts {
  readonly paths: Paths;
  readonly inUse: InUse;
  readonly trash: Trash;
  /** Whatever changes one data set, or those inside it, takes turns. */
  readonly turns: Turns;
}

const BYTES_PER_MB = 1024 * 1024; // as the old server counted
const FOLDERS_SHOWN = 20;

export const datasetHandlers = ({
  paths,
  inUse,
  trash,
  turns,
}: DatasetParts): Handlers<typeof datasetTools> => {
  const list = new DatasetList(paths);

  /** A run reads its images again and again, and the latents it has made of them. */
  async function refuseReplacing(name: string): Promise<void> {
    const path = join(paths.datasets, checkRelative(name, "dataset"));
    const real = await realpath(path).catch(() => path); // not there yet: nothing is replaced
    await refuseInUse(
      inUse,
      name,
      [path, real],
      "; without overwrite: true new files may be added meanwhile",
    );
  }

  return {
    upload_dataset: (input, context) =>
      turns.take(turnOf(input.dataset_name), context.signal, async () => {
        if (input.overwrite) await refuseReplacing(input.dataset_name);
        return await saveImages(paths.datasets, input, context);
      }),

    async list_datasets(wish, { signal }) {
      const { datasets, ...rest } = await list.read(signal);
      const { items, more } = pageOf(datasets, ({ name }) => name, wish);
      return { ...rest, datasets: items, ...more };
    },

    async get_dataset_info({ name }, { signal }) {
      const folder = await openDataset(paths, name);
      const figures = await closing(folder, (opened) => onDataset(() => scanDataset(opened.at("."), signal)));
      const { counts, folders } = figures;
      const trained = folders.filter(({ media }) => media > 0);
      return {
        name,
        path: join(paths.datasets, name),
        image_count: counts.image,
        caption_count: figures.captionCount,
        captions_complete: figures.missingCaptionCount === 0,
        missing_captions: missingCaptionsText(figures.missingCaptions),
        missing_caption_files: [...figures.missingCaptions],
        total_size_mb: Math.round((figures.mediaBytes / BYTES_PER_MB) * 100) / 100,
        total_size_bytes: figures.mediaBytes,
        kind: kindOfDataset(counts),
        video_count: counts.video,
        audio_count: counts.audio,
        trained_subfolders: trained.slice(0, FOLDERS_SHOWN).map(({ path }) => path),
        trained_subfolder_count: trained.length,
        control_folders: companionsOf(name, folders, await siblingsOf(paths, name)).slice(0, FOLDERS_SHOWN),
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
          await refuseInUse(
            inUse,
            name,
            [join(paths.datasets, name), join(opened.path, last), ...(target ? [target] : [])],
            ", then delete again",
          );
          const id = await trash.put("dataset", name, opened, [last]);
          return { deleted: name, success: true as const, trash_id: id };
        });
      }),
  };
};

/** Names of the folders that lie where the data set lies. */
async function siblingsOf({ datasets, datasetRoots }: Paths, name: string): Promise<string[]> {
  const parent = await folderInside(datasets, splitPath(name).folder, "dataset", {
    alsoInside: datasetRoots,
  });
  const entries = await closing(parent, (opened) => readdir(opened.at("."), { withFileTypes: true }));
  return entries
    .filter((entry) => entry.isDirectory() || entry.isSymbolicLink())
    .map((entry) => entry.name)
    .sort();
}

/** @throws ENOTDIR unless it is a folder or a symlink, wherever that leads; what is deleted is the link */
async function checkIsFolder(parent: Folder, name: string): Promise<void> {
  const stats = await lstat(parent.at(name));
  if (stats.isDirectory() || stats.isSymbolicLink()) return;
  throw Object.assign(new Error(`${name} is a file`), { code: "ENOTDIR" });
}
