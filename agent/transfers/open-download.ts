// What a download link is for, opened: each kind by the same door as its tools.
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { invalid, softError, ToolError } from "../../shared/errors.ts";
import type { FileHashes } from "../files/file-hashes.ts";
import { checkRelative, closing, fileInside, isMissing, type OpenedFile } from "../files/sandbox.ts";
import type { Paths } from "../paths.ts";
import { configNotFound, EXTENSIONS } from "../tools/configs/config-file.ts";
import { openDataset } from "../tools/datasets/open-dataset.ts";
import { walkDataset } from "../tools/datasets/walk-dataset.ts";
import { findModels, openModel } from "../tools/models/model-files.ts";
import { jobFolder } from "../tools/training/job-folder.ts";
import type { Job } from "../tools/training/job-store.ts";
import { logParts } from "../tools/training/log-parts.ts";
import { listSamples } from "../tools/training/run-files.ts";
import { fileSource } from "./file-source.ts";
import type { DownloadPurpose } from "./link-store.ts";
import { logSource } from "./log-source.ts";
import type { Source } from "./source.ts";
import { type ZipEntry, zipSource } from "./zip-source.ts";

export interface DownloadParts {
  readonly paths: Paths;
  readonly hashes: FileHashes;
  readonly jobOf: (id: string) => Job | undefined;
}

type Opener = (parts: DownloadParts, name: string, signal: AbortSignal) => Promise<Source>;

/** More would be a list that nobody unpacks. */
const ZIP_ENTRIES_MAX = 200_000;

/** @throws ToolError not_found, invalid_input */
export function openDownload(
  parts: DownloadParts,
  { kind, name }: Pick<DownloadPurpose, "kind" | "name">,
  signal: AbortSignal,
): Promise<Source> {
  return OPENERS[kind](parts, name, signal);
}

const OPENERS: Readonly<Record<DownloadPurpose["kind"], Opener>> = {
  async model({ paths, hashes }, name) {
    const [found] = await findModels(paths, name);
    const opened = found && (await openModel(paths, found));
    if (opened) return fileSource(opened.file, { fileName: basename(opened.relative), hashes });
    throw softError("not_found", "Model not found", {}, "list_exported_models shows the models there are");
  },

  async config({ paths, hashes }, name) {
    checkRelative(name, "config");
    for (const extension of EXTENSIONS) {
      const opened = await fileInside(paths.config, `${name}${extension}`, "config").catch(orMissing);
      if (!opened) continue;
      const contentType = extension === ".json" ? "application/json" : "application/yaml";
      return fileSource(opened, { fileName: `${basename(name)}${extension}`, contentType, hashes });
    }
    throw configNotFound();
  },

  async log(parts, id) {
    const job = jobOrThrow(parts, id);
    const { head, previous, current } = logParts(jobFolder(parts.paths.jobs, job.id).log);
    return await logSource(`${job.name}-${job.id}.log`, [head, previous, current]);
  },

  async samples(parts, id) {
    const job = jobOrThrow(parts, id);
    const samples = await listSamples(job.output_folder);
    if (samples.length === 0) {
      throw new ToolError("not_found", "This run has no samples", {
        hint: "sample_now draws them while the run trains",
      });
    }
    const folder = join(job.output_folder, "samples");
    const entries = samples.map(({ path }) => entryOf(folder, basename(path), `${job.name}-samples`));
    return zipSource(`${job.name}-samples.zip`, await existing(entries));
  },

  async dataset({ paths }, name, signal) {
    await closing(await openDataset(paths, name), async () => {}); // says "not found" as all tools do
    const entries: Promise<ZipEntry | undefined>[] = [];
    const root = join(paths.datasets, name);
    await walkDataset(paths, name, signal, async ({ path, entries: found }) => {
      for (const entry of found) {
        if (entry.isFile()) entries.push(entryOf(root, join(path, entry.name), basename(name)));
      }
      if (entries.length > ZIP_ENTRIES_MAX)
        throw invalid(`The data set has more than ${ZIP_ENTRIES_MAX} files`);
    });
    return zipSource(`${basename(name)}.zip`, await existing(entries));
  },
};

function jobOrThrow({ jobOf }: DownloadParts, id: string): Job {
  const job = jobOf(id);
  if (job) return job;
  throw new ToolError("not_found", "Job not found", { hint: "list_training_jobs shows all jobs" });
}

/** @param folder opened anew for each file, so that nothing outside is ever read through a link */
async function entryOf(folder: string, file: string, prefix: string): Promise<ZipEntry | undefined> {
  const info = await stat(join(folder, file)).catch(orMissing);
  if (!info?.isFile()) return undefined;
  return {
    name: `${prefix}/${file}`,
    sizeBytes: info.size,
    modified: info.mtime,
    open: (): Promise<OpenedFile> => fileInside(folder, file, "image file"),
  };
}

async function existing(entries: readonly Promise<ZipEntry | undefined>[]): Promise<ZipEntry[]> {
  return (await Promise.all(entries)).filter((entry) => entry !== undefined);
}

function orMissing(error: unknown): undefined {
  if (!isMissing(error)) throw error;
}
