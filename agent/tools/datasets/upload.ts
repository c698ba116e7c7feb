// upload_dataset: each image is proved to be one, and appears together with its caption or not at all.
import { readdir, readFile, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type * as v from "valibot";
import type { CallContext } from "../../../shared/contract.ts";
import { invalid, softError, ToolError, toToolError } from "../../../shared/errors.ts";
import type { uploadDataset } from "../../../shared/tools/datasets.ts";
import { placeFile, writeFileAtomic } from "../../files/atomic.ts";
import {
  checkRelative,
  closing,
  type Folder,
  folderInside,
  hasCode,
  isMissing,
  type Kind,
  removeMadeFolders,
  splitPath,
} from "../../files/sandbox.ts";
import { decodeBase64 } from "./base64.ts";
import { Names } from "./folder-names.ts";
import { checkImage, IMAGE_EXTENSIONS, isImageName, stemOf } from "./images.ts";
import { CACHE_FOLDERS, CONTROLS, dropCaches } from "./trainer-caches.ts";

type Input = v.InferOutput<typeof uploadDataset.input>;
type Output = v.InferInput<typeof uploadDataset.output>;
type Image = Input["images"][number];

/** In one call. */
const UPLOADED_IMAGES_MAX = 10_000;

/** A file name in an answer is cut here; the longest that a disk takes. */
const SHOWN_NAME_MAX = 255;

/**
 * Saves the images of one call below `datasets`. Images that fail are listed with their reason, the others are saved.
 * @throws ToolError with the list in its body when not one could be saved; no empty folder is left then
 */
export async function saveImages(
  datasets: string,
  input: Input,
  { signal, progress }: CallContext,
): Promise<Output> {
  const dataset = checkRelative(input.dataset_name, "dataset");
  if (input.images.length > UPLOADED_IMAGES_MAX) {
    throw new ToolError("too_large", `More than ${UPLOADED_IMAGES_MAX} images do not go into one call`, {
      hint: "Upload fewer per call, or make an upload link (create_upload_link), which takes a data set of any size",
    });
  }
  const target = new Target(datasets, dataset, input.overwrite);
  await target.open();
  const failed: Output["failed"] = [];
  let diskFull = false;
  try {
    for (const [index, image] of input.images.entries()) {
      signal.throwIfAborted();
      const error = await failureOf(target.save(image));
      if (error) {
        failed.push({ index, filename: image.filename.slice(0, SHOWN_NAME_MAX), reason: error.message });
        diskFull ||= error.code === "disk_full";
      }
      progress({
        progress: index + 1,
        total: input.images.length,
        message: image.filename.slice(0, SHOWN_NAME_MAX),
      });
    }
  } finally {
    await target.removeEmptyFolders();
  }
  const figures = {
    dataset,
    images_saved: input.images.length - failed.length,
    images_received: input.images.length,
    images_failed: failed.length,
    failed,
  };
  if (figures.images_saved > 0) return { ...figures, path: join(datasets, dataset), status: "success" };
  const [first] = failed;
  const others = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
  throw softError(
    diskFull ? "disk_full" : "invalid_input",
    `No image could be saved: ${first ? `${first.filename}: ${first.reason}${others}` : "the list of images is empty"}`,
    { ...figures, status: "error" },
  );
}

/** The error of one image, if it is about the image or the disk; a bug of ours is thrown on. */
async function failureOf(work: Promise<void>): Promise<ToolError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const isSystemError = error instanceof Error && "syscall" in error;
    if (error instanceof ToolError || isSystemError) return toToolError(error);
    throw error;
  }
}

/** The data set that one call writes to. */
class Target {
  readonly #datasets: string;
  readonly #dataset: string;
  readonly #overwrite: boolean;
  readonly #names = new Map<string, Names>();
  readonly #saved = new Set<string>();
  readonly #made: string[] = [];

  constructor(datasets: string, dataset: string, overwrite: boolean) {
    this.#datasets = datasets;
    this.#dataset = dataset;
    this.#overwrite = overwrite;
  }

  /** @throws ToolError invalid_input if the data set is a link that leads outside */
  async open(): Promise<void> {
    await this.#namesIn(this.#dataset, "dataset");
  }

  async save({ filename, data, caption }: Image): Promise<void> {
    if (filename === "" && data === "") throw invalid('Not an object with the strings "filename" and "data"');
    const { folder: subFolder, name } = splitPath(checkRelative(filename, "image file"));
    checkName(subFolder, name);
    await this.#checkFolders(subFolder);
    const path = join(this.#dataset, subFolder);
    const names = await this.#namesIn(path);
    this.#checkFree(names, join(path, name), name, caption !== undefined);
    const bytes = decodeBase64(data);
    await checkImage(bytes, name);

    await dropCaches(this.#datasets, this.#dataset, path, stemOf(name));
    const onCreate = (made: string) => this.#made.push(made);
    await closing(
      await folderInside(this.#datasets, path, "image file", { create: true, onCreate }),
      (folder) => place(folder, name, bytes, caption, this.#overwrite),
    );
    this.#saved.add(join(path, name));
    names.add(name);
    if (caption !== undefined) names.add(captionOf(name));
  }

  /** Folders that were made for images which then could not be written. */
  removeEmptyFolders(): Promise<void> {
    return removeMadeFolders(this.#made);
  }

  async #namesIn(path: string, kind: Kind = "image file"): Promise<Names> {
    const known = this.#names.get(path);
    if (known) return known;
    const names = await folderInside(this.#datasets, path, kind).then(
      (folder) => closing(folder, async (opened) => new Names(await readdir(opened.at(".")))),
      (error: unknown) => {
        if (isMissing(error)) return new Names([]);
        throw error;
      },
    );
    this.#names.set(path, names);
    return names;
  }

  async #checkFolders(subFolder: string): Promise<void> {
    let parent = this.#dataset;
    for (const part of subFolder === "" ? [] : subFolder.split("/")) {
      const names = await this.#namesIn(parent);
      const twin = names.twinOf(part);
      if (twin) throw invalid(`The folder ${part} differs only in case or accents from the existing ${twin}`);
      names.add(part);
      parent = join(parent, part);
    }
  }

  #checkFree(names: Names, path: string, name: string, withCaption: boolean): void {
    if (this.#saved.has(path)) throw invalid("The same file name comes twice in this upload");
    const partner = names.partnerOf(name);
    if (partner)
      throw invalid(
        `${partner} exists and would share the caption file ${captionOf(name)}; use another name`,
      );
    for (const each of withCaption ? [name, captionOf(name)] : [name]) {
      const twin = names.twinOf(each);
      if (twin) throw invalid(`${each} differs only in case or accents from the existing ${twin}`);
    }
    if (this.#overwrite) return;
    const existing = names.has(name)
      ? name
      : withCaption && names.has(captionOf(name))
        ? captionOf(name)
        : undefined;
    if (existing) throw invalid(`${existing} exists; call with overwrite: true to replace it`);
  }
}

const captionOf = (image: string) => `${stemOf(image)}.txt`;

function checkName(subFolder: string, name: string): void {
  if (!isImageName(name)) {
    throw invalid(`ai-toolkit trains on ${IMAGE_EXTENSIONS.join(", ")} files only; rename or convert it`);
  }
  const reserved = subFolder.split("/").find((part) => part === CONTROLS || CACHE_FOLDERS.has(part));
  if (reserved) throw invalid(`${reserved} is a folder of the trainer's own, which it does not train on`);
}

/** Image and caption, both or neither. */
async function place(
  folder: Folder,
  name: string,
  bytes: Buffer,
  caption: string | undefined,
  overwrite: boolean,
): Promise<void> {
  let takeCaptionBack = async () => {};
  try {
    await placeFile(folder, name, { overwrite }, async (temporary) => {
      await writeFile(temporary, bytes, { flag: "wx", mode: 0o644 });
      // The caption first and only when the image is on the disk: what can still fail is giving the image its name.
      if (caption !== undefined)
        takeCaptionBack = await placeCaption(folder, captionOf(name), caption, overwrite);
    });
  } catch (error) {
    await takeCaptionBack();
    throw hasCode(error, "EEXIST", "EISDIR") ? invalid(`${name} exists and cannot be replaced`) : error;
  }
}

/** Returns what undoes it. */
async function placeCaption(
  folder: Folder,
  name: string,
  caption: string,
  overwrite: boolean,
): Promise<() => Promise<void>> {
  const before = await readFile(folder.at(name)).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  await writeFileAtomic(folder, name, caption, { overwrite });
  return () =>
    before ? writeFileAtomic(folder, name, before, { overwrite: true }) : unlink(folder.at(name));
}
