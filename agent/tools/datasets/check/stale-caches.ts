// Latents that ai-toolkit cached from another content than a file has now. Its caches are named after file name, sizes and
// crop, not after content (toolkit/dataloader_mixins.py, get_latent_path): such a file trains as what it was before.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { closing, type Folder, folderInside, isMissing } from "../../../files/sandbox.ts";
import { statAll } from "../../../files/stat-all.ts";
import { LATENT_CACHE, latentOf, SIZES } from "../trainer-caches.ts";
import type { Roots } from "../walk-dataset.ts";

const SIZES_MAX_BYTES = 32 * 1024 * 1024;
/** `/sub/a.png` → width, height, `<bytes>:<seconds>`; videos have more. */
const Sizes = v.record(v.string(), v.unknown());

/** When the oldest latents of each file name without extension were written, in milliseconds; of one folder. */
export type LatentTimes = ReadonlyMap<string, number>;

export async function latentTimes(roots: Roots, folder: string): Promise<LatentTimes> {
  const oldest = new Map<string, number>();
  const cache = await folderInside(roots.datasets, join(folder, LATENT_CACHE), "dataset", {
    alsoInside: roots.datasetRoots,
  }).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  if (!cache) return oldest;
  await closing(cache, async (opened) => {
    const files = (await readdir(opened.at("."))).flatMap((name) => {
      const stem = latentOf(name);
      return stem === undefined ? [] : [{ name, stem }];
    });
    const stats = await statAll(files.map(({ name }) => opened.at(name)));
    for (const [index, { stem }] of files.entries()) {
      const written = stats[index]?.mtimeMs;
      if (written !== undefined) oldest.set(stem, Math.min(written, oldest.get(stem) ?? written));
    }
  });
  return oldest;
}

/** What the trainer knew of each file when it last looked: `<bytes>:<seconds>` by path below the data set. */
export async function recordedSignatures(folder: Folder): Promise<ReadonlyMap<string, string>> {
  try {
    const { size } = await stat(folder.at(SIZES));
    if (size > SIZES_MAX_BYTES) return new Map();
    const parsed = v.safeParse(
      v.pipe(v.string(), v.parseJson(), Sizes),
      await readFile(folder.at(SIZES), "utf8"),
    );
    // One that is damaged is made anew by the trainer.
    const entries = parsed.success ? Object.entries(parsed.output) : [];
    return new Map(
      entries.flatMap(([path, entry]): [string, string][] =>
        Array.isArray(entry) && typeof entry[2] === "string" ? [[path.replace(/^\//, ""), entry[2]]] : [],
      ),
    );
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw error;
  }
}

export interface Dated {
  readonly path: string;
  readonly stem: string;
  readonly size: number;
  readonly mtimeMs: number;
}

/** Were the file's latents made from something else? */
export function isStale(
  { path, stem, size, mtimeMs }: Dated,
  latents: LatentTimes,
  signatures: ReadonlyMap<string, string>,
): boolean {
  const written = latents.get(stem);
  if (written === undefined) return false;
  const recorded = signatures.get(path);
  return (
    written < mtimeMs || (recorded !== undefined && recorded !== `${size}:${Math.floor(mtimeMs / 1000)}`)
  );
}
