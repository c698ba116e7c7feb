// Processes that outlive us: launching them, knowing them again after a restart, and ending them with all their children.
import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdir, open, readdir, readFile, readlink, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasCode, isMissing } from "../../files/sandbox.ts";

/**
 * Runs the trainer and writes its exit status to a file in one step, so that it is known also when nobody waited.
 * - The empty handler is needed: without a trap the shim dies with the signal and the status is lost; with an ignored
 *   signal (`trap ''`) Python inherits the ignoring and never stops.
 * - Only who turns its ticket into the folder `started` runs the job. The folder holds who that is from its first
 *   moment on, and a ticket that was taken back (revokeTickets) starts nothing any more, however late its shim comes.
 * - What the agent may have been given, not to be ended for want of memory, its trainer gives back (trainer/priority.ts).
 * - On a full disk no byte can be written, but a link can still be made: it names the status.
 */
const SHIM = `trap : INT TERM HUP
cd_to=$1; job=$2; ticket=$3; oom=$4; shift 4
{ [ -z "$oom" ] || echo "$oom" > /proc/$$/oom_score_adj; } 2>/dev/null
[ -d "$job/started" ] && exit 0
{ read -r stat < /proc/$$/stat && echo "$stat" > "$ticket/stat"
  echo $$ > "$ticket/pid" && mv "$ticket" "$job/started"; } 2>/dev/null || exit 0
cd "$cd_to" && "$@"
code=$?
printf %s "$code" > "$job/exit.tmp" && mv "$job/exit.tmp" "$job/exit" || ln -s "$code" "$job/exit"
exit "$code"`;

/** Which process this was: a pid alone is reused. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, /proc/<pid>/stat field 22 (proc(5)); null where there is no /proc. */
  readonly startTicks: number | null;
  readonly bootId: string | null;
}

/** Tickets bear the name of who gave them out: one that is taken back must not be another launcher's. */
const ticketPrefix = ({ pid, startTicks }: ProcessIdentity) => `ticket-${pid}-${startTicks}-`;

/**
 * Takes back what a launcher that has died gave out for a job: the shim it started may not have come to its first
 * line yet. Whether one has begun to run is certain afterwards, not before.
 */
export async function revokeTickets(folder: string, launcher: ProcessIdentity): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return []; // somebody has tidied it away
    throw error;
  });
  for (const name of names) {
    if (!name.startsWith(ticketPrefix(launcher))) continue;
    const path = join(folder, name);
    const revoked = join(folder, `revoked-${name}`);
    // Renamed, not removed: of two renames of one folder only one succeeds, so either the shim runs or we are sure.
    await rename(path, revoked).then(
      () => rm(revoked, { recursive: true, force: true }),
      (error: NodeJS.ErrnoException) => {
        if (error.code !== "ENOENT") throw error; // the shim has it
      },
    );
  }
}

export interface LaunchOptions {
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of the trainer when it is not the agent's own, see trainer/priority.ts. */
  readonly oomScoreAdjust?: number | undefined;
  /** Who launches. */
  readonly launcher: ProcessIdentity;
  /** The job's folder: log.txt, started/ and exit appear in it. */
  readonly folder: string;
}

/**
 * Starts a command in a session of its own whose output goes straight to the log file: with a pipe of ours, a
 * restart of this daemon would kill a nine-hour run at its next print. Both streams, one file, appended.
 */
export async function launch({
  command,
  cwd,
  env,
  oomScoreAdjust,
  launcher,
  folder,
}: LaunchOptions): Promise<ChildProcess> {
  const ticket = join(folder, `${ticketPrefix(launcher)}${randomUUID()}`);
  await mkdir(ticket, { mode: 0o700 });
  const log = await open(join(folder, "log.txt"), "a", 0o600);
  try {
    // The shim itself stays in `/`: a folder that is a running process's own cannot be unmounted.
    const child = spawn(
      "/bin/sh",
      ["-c", SHIM, "job", cwd, folder, ticket, String(oomScoreAdjust ?? ""), ...command],
      {
        cwd: "/",
        env,
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
      },
    );
    await once(child, "spawn");
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

interface Stat {
  readonly state: string;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTicks: number;
}

/** Undefined for a process that is gone, or hidden from us. Whoever cannot look just now must not take it for gone. */
async function readStat(pid: number | string): Promise<Stat | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch((error: unknown) => {
    if (!hasCode(error, "ENOENT", "ESRCH", "EPERM", "EACCES")) throw error; // too many open files, say
  });
  return text === undefined ? undefined : parseStat(text);
}

/** A line of /proc/<pid>/stat (proc(5)). */
function parseStat(text: string): Stat {
  // The command name, in parentheses, may itself hold blanks and parentheses; fields count from behind it.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const number = (index: number) => Number(fields[index]);
  return {
    state: fields[0] ?? "",
    parent: number(1),
    group: number(2),
    session: number(3),
    startTicks: number(19),
  };
}

const hasProc = process.platform === "linux";

export async function bootId(): Promise<string | null> {
  if (!hasProc) return null;
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

export async function identify(pid: number): Promise<ProcessIdentity> {
  const stat = hasProc ? await readStat(pid) : undefined;
  return { pid, startTicks: stat?.startTicks ?? null, bootId: await bootId() };
}

const unseen = () => undefined;

/** The process that started this one; null when that cannot be seen from here. */
export async function parentOf(pid: number): Promise<number | null> {
  return (hasProc && (await readStat(pid).catch(unseen))?.parent) || null;
}

/** Linux counts in hundredths of a second for every reader (proc(5), sysconf(_SC_CLK_TCK)). */
const TICKS_PER_SECOND = 100;

/** When a process of this boot began, in milliseconds since 1970; null when that cannot be seen from here. */
export async function startedMs({ startTicks }: Pick<ProcessIdentity, "startTicks">): Promise<number | null> {
  if (!hasProc || startTicks === null) return null;
  const booted = /^btime (\d+)$/m.exec(await readFile("/proc/stat", "utf8"))?.[1];
  return booted === undefined ? null : (Number(booted) + startTicks / TICKS_PER_SECOND) * 1000;
}

/** The session a process is in (setsid(2)); null when it cannot be seen from here. */
export async function sessionOf(pid: number): Promise<number | null> {
  return (hasProc && (await readStat(pid).catch(unseen))?.session) || null;
}

/** Is there a process of this number, whichever it is? */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // there, but not ours
  }
}

/** Is this very process still running? A zombie is not. */
export async function isAlive({ pid, startTicks, bootId: boot }: ProcessIdentity): Promise<boolean> {
  if (!hasProc) return exists(pid);
  if (startTicks === null) return false; // it was gone before anybody could look
  if (boot !== null && boot !== (await bootId())) return false;
  const stat = await readStat(pid);
  return stat !== undefined && stat.startTicks === startTicks && stat.state !== "Z" && stat.state !== "X";
}

/**
 * Living members of the session that `launch` opened, without zombies. Also finds workers whose parent has died.
 * @returns pids; empty when the session is gone or the machine was restarted since
 */
export async function sessionMembers({ pid, startTicks, bootId: boot }: ProcessIdentity): Promise<number[]> {
  if (!hasProc) return exists(-pid) ? [pid] : [];
  if (startTicks === null) return [];
  if (boot !== null && boot !== (await bootId())) return [];
  const members: number[] = [];
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readStat(entry);
    if (!stat || stat.session !== pid || stat.state === "Z" || stat.state === "X") continue;
    // Older than our leader, or its number with another start: a session whose number came round again.
    if (stat.startTicks < startTicks || (Number(entry) === pid && stat.startTicks !== startTicks)) return [];
    members.push(Number(entry));
  }
  return members;
}

/** Is anything of the run still there? Its shim may have been killed alone: the trainer goes on, and so does the run. */
export async function isRunning(identity: ProcessIdentity): Promise<boolean> {
  return (await isAlive(identity)) || (await sessionMembers(identity)).length > 0;
}

/** Signals every member; one that is already gone, or was never ours to end, is no error. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ESRCH" && code !== "EPERM") throw error;
    }
  }
}

/** The status the shim wrote: 0–255, 128+n for signal n; undefined while there is none. */
export async function readExit(folder: string): Promise<number | undefined> {
  const path = join(folder, "exit");
  const text = (await readIfThere(path)) ?? (await readlink(path).catch(noLink));
  return /^\d{1,3}$/.test(text) ? Number(text) : undefined;
}

/** @throws for a file that is there and cannot be read just now: it may say what nobody else knows */
async function readIfThere(path: string): Promise<string | undefined> {
  return await readFile(path, "utf8").catch((error: unknown) => {
    if (!isMissing(error)) throw error;
    return undefined;
  });
}

function noLink(error: unknown): string {
  if (!isMissing(error) && !hasCode(error, "EINVAL")) throw error; // EINVAL: a file, which has come this moment
  return "";
}

/** The shim that runs the job of this folder, as it noted itself down; undefined when none has started. */
export async function readStarted(folder: string): Promise<Omit<ProcessIdentity, "bootId"> | undefined> {
  const text = (await readIfThere(join(folder, "started/pid"))) ?? "";
  if (!/^\d+\n$/.test(text)) return undefined;
  const stat = await readIfThere(join(folder, "started/stat"));
  return { pid: Number(text), startTicks: stat === undefined ? null : parseStat(stat).startTicks };
}
