// A job's private folder: what the trainer is given, and what it leaves behind for us.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { createReportDatabase } from "./trainer-report.ts";

export interface JobFolder {
  readonly path: string;
  /** The private config, JSON. */
  readonly config: string;
  /** Both output streams of the trainer, as they came. */
  readonly log: string;
  /** The trainer's `Job` row. */
  readonly database: string;
}

export function jobFolder(jobsPath: string, id: string): JobFolder {
  const path = join(jobsPath, id);
  return {
    path,
    config: join(path, "config.json"),
    log: join(path, "log.txt"),
    database: join(path, "job.db"),
  };
}

/** Makes the folder with all that a trainer needs, or leaves nothing. */
export async function prepareJobFolder(folder: JobFolder, id: string, config: unknown): Promise<void> {
  await mkdir(folder.path, { mode: 0o700 });
  try {
    await writeFile(folder.config, JSON.stringify(config, null, 2), { mode: 0o600 });
    await writeFile(folder.log, "", { mode: 0o600 });
    createReportDatabase(folder.database, id);
  } catch (error) {
    await rm(folder.path, { recursive: true, force: true });
    throw error;
  }
}

const PrivateConfig = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));

/** The private config of a job; null when it is gone. */
export async function readPrivateConfig(path: string): Promise<Record<string, unknown> | null> {
  const parsed = v.safeParse(PrivateConfig, await readFile(path, "utf8").catch(() => ""));
  return parsed.success ? parsed.output : null;
}
