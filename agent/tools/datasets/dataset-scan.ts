// What a data set holds, counted the way ai-toolkit's loader walks it (toolkit/data_loader.py): files in all sub-folders,
// hidden ones skipped, symlinked folders not followed, and a caption is `<stem>.txt` beside its file.
import type { BigIntStats, Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { hasCode } from "../../files/sandbox.ts";
import { statAll } from "../../files/stat-all.ts";
import type { FolderOfDataset } from "./companions.ts";
import { stemOf } from "./images.ts";
import { MEDIA_KINDS, type MediaKind, mediaKindOf } from "./media.ts";
import { CACHE_FOLDERS, CONTROLS } from "./trainer-caches.ts";

type Counts = Readonly<Record<MediaKind, number>>;

export interface DatasetFigures {
  readonly counts: Counts;
  /** Files to be trained that have a caption file. */
  readonly captionCount: number;
  readonly missingCaptionCount: number;
  /** Paths below the data set, sorted; the first ones when a limit was given. */
  readonly missingCaptions: readonly string[];
  /** Of the files to be trained. */
  readonly mediaBytes: number;
  /** All folders below the data set that are walked, sorted. */
  readonly folders: readonly FolderOfDataset[];
}

/** One folder of a data set, without its sub-folders. */
interface FolderFigures {
  readonly counts: Counts;
  readonly captions: number;
  readonly bytes: number;
  readonly missing: readonly string[];
  readonly subFolders: readonly string[];
  /** A symlinked file comes and goes with its target, which leaves no trace in this folder. */
  readonly dependsOnOthers: boolean;
}

interface Remembered {
  readonly identity: string;
  readonly atMs: number;
  readonly figures: FolderFigures;
}

/**
 * Sizes are believed this long. A file added, removed or renamed, which is how this server and nearly every tool writes,
 * changes its folder's time stamp and is seen at once; one that is rewritten in place is not, and its size is then this
 * old at most. Counts never depend on it.
 */
const SIZES_TRUSTED_MS = 60_000;

/** Two changes within one tick of a file system's clock (2 s on FAT) carry the same stamp; such a folder is read again. */
const STAMP_SETTLED_MS = 2_500;

/** Remembers folders from one scan to the next. Only the names of missing captions up to `missingLimit` are kept. */
export class ScanMemory {
  readonly missingLimit: number;
  #folders = new Map<string, Remembered>();
  #visited = new Map<string, Remembered>();

  constructor(missingLimit: number) {
    this.missingLimit = missingLimit;
  }

  recall(path: string, identity: string): FolderFigures | undefined {
    const known = this.#folders.get(path);
    if (known?.identity !== identity || performance.now() - known.atMs > SIZES_TRUSTED_MS) return undefined;
    this.#visited.set(path, known);
    return known.figures;
  }

  remember(path: string, identity: string, figures: FolderFigures): void {
    this.#visited.set(path, { identity, atMs: performance.now(), figures });
  }

  /** Forgets folders that were not visited since the last call: they are gone. */
  forgetUnvisited(): void {
    this.#folders = this.#visited;
    this.#visited = new Map();
  }
}

/**
 * Counts what `folder` holds.
 * @throws the file system's error if it cannot be read; a sub-folder that vanishes meanwhile is left out
 */
export async function scanDataset(
  folder: string,
  signal: AbortSignal,
  memory?: ScanMemory,
): Promise<DatasetFigures> {
  const missing: string[] = [];
  const counts = { image: 0, video: 0, audio: 0 };
  const folders: FolderOfDataset[] = [];
  let [captionCount, mediaBytes] = [0, 0];
  for (const pending = [""]; ; ) {
    const subFolder = pending.pop();
    if (subFolder === undefined) break;
    signal.throwIfAborted();
    const figures = await figuresOf(join(folder, subFolder), memory).catch((error: unknown) => {
      if (subFolder !== "" && hasCode(error, "ENOENT")) return undefined;
      throw error;
    });
    if (!figures) continue;
    for (const kind of MEDIA_KINDS) counts[kind] += figures.counts[kind];
    captionCount += figures.captions;
    mediaBytes += figures.bytes;
    if (subFolder !== "") folders.push({ path: subFolder, media: total(figures.counts) });
    for (const name of figures.missing) missing.push(join(subFolder, name));
    for (const name of figures.subFolders) pending.push(join(subFolder, name));
  }
  const missingCaptions = missing.sort().slice(0, memory?.missingLimit);
  return {
    counts,
    captionCount,
    missingCaptionCount: total(counts) - captionCount,
    missingCaptions,
    mediaBytes,
    folders: folders.sort((a, b) => (a.path < b.path ? -1 : 1)),
  };
}

export function total({ image, video, audio }: Counts): number {
  return image + video + audio;
}

async function figuresOf(path: string, memory: ScanMemory | undefined): Promise<FolderFigures> {
  if (!memory) return await readFolder(path);
  // Before it is read: what changes meanwhile makes the stamp differ next time.
  const stats = await stat(path, { bigint: true });
  const identity = identityOf(stats);
  const known = memory.recall(path, identity);
  if (known) return known;
  const figures = await readFolder(path);
  const kept = { ...figures, missing: figures.missing.slice(0, memory.missingLimit) };
  const isSettled = Date.now() - Number(stats.mtimeMs) > STAMP_SETTLED_MS;
  if (isSettled && !figures.dependsOnOthers) memory.remember(path, identity, kept);
  return kept;
}

function identityOf({ dev, ino, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${dev}:${ino}:${mtimeNs}:${ctimeNs}`;
}

async function readFolder(path: string): Promise<FolderFigures> {
  const entries = (await readdir(path, { withFileTypes: true })).filter(({ name }) => !name.startsWith("."));
  const media =
    basename(path) === CONTROLS ? [] : entries.filter(({ name }) => mediaKindOf(name)).filter(isFileOrLink);
  const captions = new Set(
    entries
      .filter(({ name }) => name.endsWith(".txt"))
      .filter(isFileOrLink)
      .map(({ name }) => name),
  );
  const links = new Set(entries.filter((entry) => entry.isSymbolicLink()).map(({ name }) => name));

  const mediaStats = await statAll(media.map(({ name }) => join(path, name)));
  const missing: string[] = [];
  const counts = { image: 0, video: 0, audio: 0 };
  let bytes = 0;
  for (const [index, { name }] of media.entries()) {
    const stats = mediaStats[index];
    const kind = mediaKindOf(name);
    if (!kind || !stats?.isFile()) continue;
    counts[kind]++;
    bytes += stats.size;
    const caption = `${stemOf(name)}.txt`;
    const hasCaption = links.has(caption) ? await leadsToFile(join(path, caption)) : captions.has(caption);
    if (!hasCaption) missing.push(name);
  }
  return {
    counts,
    captions: total(counts) - missing.length,
    bytes,
    missing: missing.sort(),
    subFolders: entries
      .filter((entry) => entry.isDirectory() && !CACHE_FOLDERS.has(entry.name))
      .map(({ name }) => name),
    dependsOnOthers: links.size > 0,
  };
}

function isFileOrLink(entry: Dirent): boolean {
  return entry.isFile() || entry.isSymbolicLink();
}

async function leadsToFile(path: string): Promise<boolean> {
  const [stats] = await statAll([path]);
  return stats?.isFile() ?? false;
}
