// Scanning a dataset as toolkit/data_loader.py does (ai-toolkit.md §4).
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { bucketOf } from "../tools/datasets/check/buckets.ts";
import { divisibilityOf } from "../tools/datasets/check/divisibility.ts";
import { isBlock } from "./config.ts";
import { imageSize, type Size } from "./image-size.ts";
import { cacheLatents, type Item, type LatentTools } from "./latents.ts";
import { dumps, type Frame, PythonError, toPythonError, traceback } from "./python.ts";
import type { DatasetSettings } from "./settings.ts";

export interface DatasetTools extends LatentTools {
  readonly err: (text: string) => void;
  readonly toolkit: string;
}

const IMAGES = [".jpg", ".jpeg", ".png", ".webp"];
const VIDEOS = [".mp4", ".avi", ".mov", ".webm", ".mkv", ".wmv", ".m4v", ".flv"];
const AUDIO = [".mp3", ".wav", ".flac", ".aac", ".ogg", ".m4a"];
const SIZE_FILE = ".aitk_size.json";
const SIZE_VERSION = "0.1.2";

const inLoader = (line: number, code: string): Frame => ({
  file: "toolkit/data_loader.py",
  line,
  scope: "__init__",
  code,
});

/** @returns how many items one epoch has: the files once for each resolution and repeat */
export async function loadDatasets(
  datasets: readonly DatasetSettings[],
  tools: DatasetTools,
): Promise<number> {
  let count = 0;
  for (const dataset of datasets) {
    const { resolution } = dataset;
    for (const side of typeof resolution === "number" ? [resolution] : resolution) {
      count += (await loadOne(dataset, side, tools)) * dataset.num_repeats;
    }
  }
  return count;
}

async function loadOne(dataset: DatasetSettings, side: number, tools: DatasetTools): Promise<number> {
  const { print, interrupt } = tools;
  const folder = dataset.folder_path ?? dataset.dataset_path;
  if (folder === null) {
    throw new PythonError(
      "TypeError",
      "stat: path should be string, bytes, os.PathLike or integer, not NoneType",
    );
  }
  const isVideo = dataset.num_frames > 1 || dataset.auto_frame_count;
  const extensions = tools.arch.startsWith("ace_step") ? AUDIO : isVideo ? [...VIDEOS, ...IMAGES] : IMAGES;
  const files = listFiles(folder, extensions);
  print(`Dataset: ${folder}`);
  print("  -  Preprocessing image dimensions");
  const items = await measure(folder, files, side, tools);
  print(`  -  Found ${items.length} images`);
  if (items.length === 0) {
    const what = `no ${isVideo ? "videos" : "images"} found in ${folder}`;
    throw new PythonError("AssertionError", what, [
      inLoader(572, 'assert len(self.file_list) > 0, f"no images found in {self.dataset_path}"'),
    ]);
  }
  printBuckets(folder, items, print);
  for (const { path } of items) readCaption(path, dataset);
  if (dataset.cache_latents || dataset.cache_latents_to_disk)
    await cacheLatents(folder, items, dataset, tools);
  interrupt.check();
  return items.length;
}

/** Recursively; what starts with a dot is left out, and so is what lies directly in `_controls`. Nothing else. */
function listFiles(folder: string, extensions: readonly string[]): string[] {
  const found = statOf(folder);
  if (!found?.isDirectory()) return filesInList(folder);
  const wanted = (name: string) => extensions.includes(extname(name).toLowerCase()) && !name.startsWith(".");
  const walk = (inside: string): string[] =>
    readdirSync(inside, { withFileTypes: true })
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .flatMap((entry) => {
        const path = join(inside, entry.name);
        // Folders behind a symlink are not followed, files are.
        if (entry.isDirectory()) return entry.name.startsWith(".") ? [] : walk(path);
        return wanted(entry.name) && basename(inside) !== "_controls" ? [path] : [];
      });
  return walk(folder);
}

const statOf = (path: string) => statSync(path, { throwIfNoEntry: false });

/** `folder_path` may be a JSON file: path → caption. A missing folder is taken for such a file. */
function filesInList(path: string): string[] {
  let list: unknown;
  try {
    list = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) throw new PythonError("json.decoder.JSONDecodeError", error.message);
    // Node says "…, open '/path'"; Python puts the path there too.
    const { type, message } = toPythonError(error);
    throw new PythonError(type, message, [inLoader(444, "with open(self.dataset_path, 'r') as f:")]);
  }
  return isBlock(list) ? Object.keys(list) : [];
}

async function measure(
  folder: string,
  files: readonly string[],
  side: number,
  { print, err, openBar, interrupt, arch, toolkit }: DatasetTools,
): Promise<Item[]> {
  const sizes = openSizes(folder);
  const bar = openBar({ total: files.length });
  const items: Item[] = [];
  for (const [index, path] of files.entries()) {
    await interrupt.pause(0);
    try {
      items.push({ path, bucket: bucketOf(sizes.sizeOf(path), side, divisibilityOf(arch)) });
    } catch (error) {
      err(traceback(toPythonError(error), [], toolkit));
      print(`Error processing image: ${path}`);
    }
    bar.update(index + 1);
  }
  bar.close();
  sizes.write();
  return items;
}

/** `.aitk_size.json` in the dataset's root: measured once, measured again when a file's size or time differs. */
function openSizes(folder: string): {
  sizeOf(path: string): Size;
  write(): void;
} {
  const isFolder = statOf(folder)?.isDirectory() ?? false;
  const sizeFile = join(folder, SIZE_FILE);
  const known = isFolder ? readKnownSizes(sizeFile) : {};
  const entries: Record<string, unknown> = {
    ...known,
    __version__: SIZE_VERSION,
  };
  return {
    sizeOf(path) {
      // Videos and sound have no size that could be read here: they get the bucket of a square.
      if (!IMAGES.includes(extname(path).toLowerCase())) return { width: 1024, height: 1024 };
      const { size, mtimeMs } = statSync(path);
      const signature = `${size}:${Math.floor(mtimeMs / 1000)}`;
      const key = path.startsWith(folder) ? path.slice(folder.length) : path;
      const entry = known[key];
      if (Array.isArray(entry) && entry[2] === signature)
        return { width: Number(entry[0]), height: Number(entry[1]) };
      const measured = imageSize(path);
      entries[key] = [measured.width, measured.height, signature];
      return measured;
    },
    write() {
      if (isFolder) writeFileSync(sizeFile, dumps(entries));
    },
  };
}

function readKnownSizes(path: string): Readonly<Record<string, unknown>> {
  if (!existsSync(path)) return {};
  try {
    const known: unknown = JSON.parse(readFileSync(path, "utf8"));
    return isBlock(known) && known.__version__ === SIZE_VERSION ? known : {};
  } catch (error) {
    if (error instanceof SyntaxError) return {}; // cut off by a kill: measure anew
    throw error;
  }
}

function printBuckets(folder: string, items: readonly Item[], print: (line: string) => void): void {
  const buckets = Map.groupBy(items, ({ bucket }) => `${bucket.width}x${bucket.height}`);
  print(`Bucket sizes for ${folder}:`);
  for (const [size, files] of buckets) print(`${size}: ${files.length} files`);
  print(`${buckets.size} buckets made`);
}

/** @throws PythonError UnicodeDecodeError: a caption in another encoding ends the job. */
function readCaption(path: string, { caption_ext, default_caption }: DatasetSettings): string {
  const extension = caption_ext.startsWith(".") ? caption_ext : `.${caption_ext}`;
  const captionPath = path.slice(0, path.length - extname(path).length) + extension;
  if (!existsSync(captionPath)) return default_caption ?? "";
  try {
    return (
      new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(captionPath)) || (default_caption ?? "")
    );
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new PythonError(
      "UnicodeDecodeError",
      `'utf-8' codec can't decode bytes in ${captionPath}: invalid start byte`,
    );
  }
}
