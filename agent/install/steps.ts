// What an installation does, one step after the other, each of them printed.
import { execFile } from "node:child_process";
import {
  chmod,
  lchown,
  lstat,
  mkdir,
  readFile,
  readlink,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { isMissing } from "../files/sandbox.ts";
import { asOwnerOf, isRoot, type Owner } from "./as-user.ts";

export interface Step {
  /** In the imperative: `Write /etc/…`. */
  readonly title: string;
  /** What a dry run shows beside the title. */
  readonly detail?: string | undefined;
  /** @returns what came of it when that is more than "done" */
  run(): Promise<string | undefined>;
}

/** chown names each file that it changed; a data set has many. */
const CHANGES_BYTES = 256 * 1024 ** 2;

export const UNCHANGED = "unchanged";
export type Print = (line: string) => void;

export async function runSteps(steps: readonly Step[], dryRun: boolean, print: Print): Promise<void> {
  for (const { title, detail, run } of steps) {
    if (dryRun) {
      print(`would: ${title}`);
      if (detail !== undefined) print(detail.trimEnd().replaceAll(/^/gm, "    | "));
      continue;
    }
    const outcome = await run();
    print(`${outcome === UNCHANGED ? "=" : "✓"} ${title}${outcome === undefined ? "" : `: ${outcome}`}`);
  }
}

const textOf = (path: string) =>
  readFile(path, "utf8").catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });

async function replace(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.new-${process.pid}`;
  try {
    await make(temporary);
    await rename(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
}

export interface FileStep {
  readonly path: string;
  readonly text: string;
  readonly mode: number;
  /** For a dry run, where the text holds what is nobody's business. */
  readonly detail?: string;
}

/** Appears whole or not at all. */
export const fileStep = ({ path, text, mode, detail = text }: FileStep): Step => ({
  title: `Write ${path}`,
  detail,
  async run() {
    const stats = await lstat(path).catch(() => undefined); // missing
    if (stats?.isFile() && (stats.mode & 0o777) === mode && (await textOf(path)) === text) return UNCHANGED;
    await mkdir(dirname(path), { recursive: true });
    await replace(path, async (temporary) => {
      await writeFile(temporary, text, { flag: "wx", mode });
      await chmod(temporary, mode); // whatever the umask took away
    });
    return undefined;
  },
});

/** Swaps a link in one step. */
export async function pointTo(link: string, target: string): Promise<boolean> {
  const before = await readlink(link).catch(() => undefined); // missing
  if (before === target) return false;
  await mkdir(dirname(link), { recursive: true });
  await replace(link, (temporary) => symlink(target, temporary));
  return true;
}

/** What root left in these folders, the service could not write. chown(1) does not follow links on the way. */
export const giveStep = (folders: readonly string[], owner: () => Owner | undefined): Step => ({
  title: `Give what root owns in ${folders.join(", ")} to the service's account`,
  async run() {
    const to = owner();
    if (!to || !isRoot()) return "left as it is: only root gives away";
    const flags = ["--recursive", "-P", "--no-dereference", "--from=0", "--changes"];
    const args = [...flags, `${to.uid}:${to.gid}`, "--", ...folders];
    const { stdout } = await promisify(execFile)("chown", args, { maxBuffer: CHANGES_BYTES });
    const given = stdout.split("\n").length - 1;
    return given === 0 ? UNCHANGED : `${given} files and folders`;
  },
});

export const linkStep = (link: string, target: string): Step => ({
  title: `Link ${link} to ${target}`,
  run: async () => ((await pointTo(link, target)) ? undefined : UNCHANGED),
});

export interface FolderStep {
  readonly path: string;
  readonly mode?: number;
  /** Asked when it is made: the account may be made by an earlier step. */
  readonly owner?: () => Owner | undefined;
}

/** An existing folder keeps its mode and its owner. */
export const folderStep = ({ path, mode = 0o755, owner }: FolderStep): Step => ({
  title: `Make the folder ${path}`,
  async run() {
    if ((await lstat(path).catch(() => undefined)) !== undefined) return UNCHANGED;
    const parent = dirname(path);
    await mkdir(parent, { recursive: true });
    await asOwnerOf(parent, () => mkdir(path, { mode }));
    const to = owner?.();
    if (to && isRoot()) await lchown(path, to.uid, to.gid);
    return undefined;
  },
});

export const removeStep = (path: string): Step => ({
  title: `Remove ${path}`,
  async run() {
    if ((await lstat(path).catch(() => undefined)) === undefined) return "was not there";
    await rm(path, { recursive: true });
    return undefined;
  },
});
