// Captions are overwritten in one way only: first the old ones are kept in the trash, then each file changes in one step.
import { constants } from "node:fs";
import { open, readFile, rm } from "node:fs/promises";
import * as v from "valibot";
import { ToolError, toToolError } from "../../../../shared/errors.ts";
import { atOnce } from "../../../files/at-once.ts";
import { writeFilesAtomic } from "../../../files/atomic.ts";
import {
  checkRelative,
  closing,
  folderInside,
  hasCode,
  isMissing,
  splitPath,
} from "../../../files/sandbox.ts";
import type { Trash, TrashEntry } from "../../../files/trash.ts";
import type { Paths } from "../../../paths.ts";
import { openDataset } from "../open-dataset.ts";

export interface CaptionParts {
  readonly paths: Paths;
  readonly trash: Trash;
}

/** What a caption file shall hold; null: it shall not be there. */
export interface CaptionChange {
  /** Below the data set. */
  readonly path: string;
  readonly data: string | Uint8Array | null;
}

const READS_AT_ONCE = 8;
/** Of all old captions together, so that keeping them never fills the memory. */
const KEPT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * Changes caption files of a data set.
 * @returns the trash id that brings the old ones back
 * @throws ToolError whose hint has that id, when it could not go on after the first change
 */
export async function overwriteCaptions(
  { paths, trash }: CaptionParts,
  dataset: string,
  changes: readonly CaptionChange[],
): Promise<string> {
  const folder = await openDataset(paths, dataset);
  await folder[Symbol.asyncDispose]();
  const old = await oldCaptions(paths, dataset, changes);
  const id = await trash.keep(
    "captions",
    dataset,
    folder.path,
    JSON.stringify({ captions: old } satisfies Kept),
  );
  try {
    for (const [subFolder, files] of byFolder(changes)) {
      await inFolder(paths, dataset, subFolder, async (opened) => {
        await writeFilesAtomic(
          opened,
          files.flatMap(({ name, data }) => (data === null ? [] : [{ name, data }])),
        );
        for (const { name, data } of files) if (data === null) await rm(opened.at(name), { force: true });
      });
    }
  } catch (error) {
    const { code, message } = toToolError(error);
    throw new ToolError(code, `Not all captions of ${dataset} could be written: ${message}`, {
      hint: `restore_deleted with trash_id ${id} brings the old ones back`,
      cause: error,
    });
  }
  return id;
}

const KeptCaption = v.object({
  path: v.string(),
  text: v.optional(v.string()),
  /** Instead of `text`, of what is not UTF-8. With neither there was no such file. */
  base64: v.optional(v.string()),
});
const Kept = v.object({ captions: v.array(KeptCaption) });
type Kept = v.InferOutput<typeof Kept>;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

async function oldCaptions(
  paths: Paths,
  dataset: string,
  changes: readonly CaptionChange[],
): Promise<Kept["captions"]> {
  const kept: Kept["captions"] = [];
  let bytes = 0;
  for (const [subFolder, files] of byFolder(changes)) {
    await inFolder(paths, dataset, subFolder, (opened) =>
      atOnce(files, READS_AT_ONCE, async ({ path, name }) => {
        const before = await bytesOf(opened.at(name));
        bytes += before?.length ?? 0;
        if (bytes > KEPT_MAX_BYTES) {
          throw new ToolError("too_large", "The old captions are too large to be kept; change fewer at once");
        }
        kept.push({ path, ...asText(before) });
      }),
    );
  }
  return kept.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** undefined: not there. @throws ELOOP for a link */
async function bytesOf(path: string): Promise<Buffer | undefined> {
  try {
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      if ((await handle.stat()).size > KEPT_MAX_BYTES)
        throw new ToolError("too_large", `${path} is no caption`);
      return await handle.readFile();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (isMissing(error) && !hasCode(error, "ELOOP")) return undefined;
    throw error;
  }
}

function asText(bytes: Buffer | undefined): Pick<Kept["captions"][number], "text" | "base64"> {
  if (!bytes) return {};
  try {
    return { text: utf8.decode(bytes) };
  } catch {
    return { base64: bytes.toString("base64") }; // not UTF-8
  }
}

/**
 * Brings the captions of a trash entry back. Those they replace are kept in a new entry.
 * @throws ENOENT when the entry or its data set is gone
 */
export async function restoreCaptions(parts: CaptionParts, entry: TrashEntry): Promise<void> {
  const text = await readFile(parts.trash.recordPath(entry), "utf8");
  const { captions } = v.parse(v.pipe(v.string(), v.parseJson(), Kept), text);
  await overwriteCaptions(
    parts,
    entry.name,
    captions.map(({ path, text: before, base64 }) => ({
      path: checkRelative(path, "image file"),
      data: before ?? (base64 === undefined ? null : Buffer.from(base64, "base64")),
    })),
  );
  await parts.trash.forget(entry.id);
}

interface NamedChange extends CaptionChange {
  readonly name: string;
}

function byFolder(changes: readonly CaptionChange[]): Map<string, NamedChange[]> {
  return Map.groupBy(
    changes.map((change) => ({ ...change, name: splitPath(change.path).name })),
    ({ path }) => splitPath(path).folder,
  );
}

async function inFolder<T>(
  { datasets, datasetRoots }: Paths,
  dataset: string,
  subFolder: string,
  work: (folder: Awaited<ReturnType<typeof folderInside>>) => Promise<T>,
): Promise<T> {
  const path = subFolder === "" ? dataset : `${dataset}/${subFolder}`;
  return await closing(await folderInside(datasets, path, "dataset", { alsoInside: datasetRoots }), work);
}
