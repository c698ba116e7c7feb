// A client's file with our settings in it: written in one step, the old one kept beside it.
import { randomUUID } from "node:crypto";
import { copyFile, mkdir, readFile, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { isMissing } from "../files/sandbox.ts";
import type { Setting } from "./clients.ts";
import { withSetting } from "./edit.ts";

/** New files hold a token. */
const PRIVATE = 0o600;

export interface Written {
  readonly changed: boolean;
  /** Copy of the file as it was; undefined when there was none, or nothing changed. */
  readonly backup: string | undefined;
}

async function existing(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
}

const edited = (file: string, before: string | undefined, settings: readonly Setting[]) =>
  settings.reduce((text, setting) => withSetting(text, setting, file), before ?? "");

/** @throws UsageError as writeSettings would, for settings of this shape */
export async function checkWritable(file: string, settings: readonly Setting[]): Promise<void> {
  edited(file, await existing(file), settings);
}

/** @throws UsageError when the file cannot be understood; it then stays as it is */
export async function writeSettings(file: string, settings: readonly Setting[]): Promise<Written> {
  const before = await existing(file);
  const after = edited(file, before, settings);
  if (after === before) return { changed: false, backup: undefined };
  await mkdir(dirname(file), { recursive: true });
  // People keep such files as links into a folder under version control.
  const target = before === undefined ? file : await realpath(file);
  const backup = before === undefined ? undefined : `${target}.before-mcp-ai-toolkit`;
  if (backup !== undefined) await copyFile(target, backup);
  const mode = before === undefined ? PRIVATE : (await stat(target)).mode & 0o777;
  const temporary = `${target}.${randomUUID()}.new`;
  try {
    await writeFile(temporary, after, { mode, flag: "wx" });
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
  return { changed: true, backup };
}
