// What ai-toolkit keeps beside the images. Its caches do not look at an image's content: a new image under an old name
// would be trained with the old one's latents (ai-toolkit.md §4.4), so they are removed when an image is written.
import { readdir, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { closing, type Folder, folderInside, isInside, isMissing } from "../../files/sandbox.ts";

export const CONTROLS = "_controls";
export const LATENT_CACHE = "_latent_cache";
const LATENTS = [LATENT_CACHE, "_clip_vision_cache"];
/** Keyed by caption text, so that it never goes stale. */
const TEXT_EMBEDDINGS = "_t_e_cache";
export const SIZES = ".aitk_size.json";

/** Folders that hold the trainer's files and no images. */
export const CACHE_FOLDERS: ReadonlySet<string> = new Set([...LATENTS, TEXT_EMBEDDINGS]);

/**
 * The stem of the file that cached latents belong to; undefined for other files. They are called
 * `<stem>_<md5 in unpadded URL-safe base64>.safetensors` (toolkit/dataloader_mixins.py, get_latent_path).
 */
export function latentOf(file: string): string | undefined {
  return /^(.*)_[A-Za-z0-9_-]{22}\.safetensors$/s.exec(file)?.[1];
}

/** `<stem>.depth.jpg`, `<stem>.mask.webp` … (toolkit/control_generator.py, control_save_path) */
function isControlOf(stem: string, file: string): boolean {
  return (
    file.startsWith(`${stem}.`) &&
    /^(depth|line|pose|inpaint|mask|sapiens2_mask)\.(jpg|jpeg|png|webp)$/.test(file.slice(stem.length + 1))
  );
}

/**
 * Removes what the trainer derived from the image `<stem>.*` in `folder`, a path below `root` that is the data set or lies
 * in it. Not through the trash: the trainer makes it again.
 */
export async function dropCaches(root: string, dataset: string, folder: string, stem: string): Promise<void> {
  for (const cache of LATENTS) await drop(root, `${folder}/${cache}`, (file) => latentOf(file) === stem);
  await drop(root, `${folder}/${CONTROLS}`, (file) => isControlOf(stem, file));
  // It lies in the folder that a config named: the data set, or one on the way to the image.
  for (let each = folder; isInside(dataset, each); each = dirname(each)) {
    await inFolder(root, each, (opened) => rm(opened.at(SIZES), { force: true }));
  }
}

async function drop(root: string, path: string, isStale: (file: string) => boolean): Promise<void> {
  await inFolder(root, path, async (folder) => {
    for (const file of (await readdir(folder.at("."))).filter(isStale))
      await rm(folder.at(file), { force: true });
  });
}

/** What is not there needs no removing. */
async function inFolder(root: string, path: string, work: (folder: Folder) => Promise<void>): Promise<void> {
  try {
    await closing(await folderInside(root, path, "image file"), work);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}
