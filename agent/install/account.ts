// As whom the service runs: the person to whom the data folder belongs, or an account of its own.
import { execFile } from "node:child_process";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { hasCode } from "../files/sandbox.ts";
import { UsageError } from "../usage-error.ts";
import type { Owner } from "./as-user.ts";
import { ACCOUNT, ACCOUNT_HOME } from "./layout.ts";
import { type Step, UNCHANGED } from "./steps.ts";

export interface Account {
  readonly name: string;
  readonly group: string;
  readonly home: string;
  /** undefined: it is not there yet. */
  readonly owner: Owner | undefined;
  /** Made by us, for the service alone. */
  readonly own: boolean;
}

/** A line of passwd(5). */
function parsePasswd(line: string): (Owner & { readonly name: string; readonly home: string }) | undefined {
  const [name = "", , uid, gid, , home = ""] = line.split(":");
  return name === "" ? undefined : { name, uid: Number(uid), gid: Number(gid), home };
}

/** By name or number, also of directories elsewhere (LDAP), as far as the system knows them. */
async function lookUp(database: "passwd" | "group", key: string): Promise<string | undefined> {
  const found = promisify(execFile)("getent", [database, key]).then(
    ({ stdout }) => stdout.trim(),
    () => undefined, // no such entry, or no getent
  );
  return (await found) ?? (await inFile(`/etc/${database}`, key));
}

async function inFile(path: string, key: string): Promise<string | undefined> {
  const text = await readFile(path, "utf8").catch(() => ""); // an image without accounts
  return text.split("\n").find((line) => {
    const [name, , id] = line.split(":");
    return name === key || id === key;
  });
}

async function accountOf(key: string, own: boolean): Promise<Account | undefined> {
  const entry = parsePasswd((await lookUp("passwd", key)) ?? "");
  if (!entry) return undefined;
  const group = (await lookUp("group", String(entry.gid)))?.split(":")[0];
  const { name, home, uid, gid } = entry;
  return { name, home, group: group ?? String(gid), owner: { uid, gid }, own };
}

/** The number itself for an account that nobody knows. */
export const userName = async (uid: number) => (await accountOf(String(uid), false))?.name ?? String(uid);

/** undefined for an account that nobody knows. */
export const userHome = async (uid: number) => (await accountOf(String(uid), false))?.home;

const NOT_MADE: Account = { name: ACCOUNT, group: ACCOUNT, home: ACCOUNT_HOME, owner: undefined, own: true };

/**
 * `--user`, else the owner of the data folder when that is a person, else our own account.
 * @throws UsageError for root: a training runs foreign models' code
 */
export async function chooseAccount(requested: string | undefined, data: string): Promise<Account> {
  if (requested !== undefined && requested !== ACCOUNT) {
    const account = await accountOf(requested, false);
    if (!account) throw new UsageError(`--user: there is no user "${requested}" on this machine`);
    if (account.owner?.uid !== 0) return account;
    throw new UsageError("--user: not root; a training runs code that comes with models");
  }
  const stats = await stat(data).catch(() => undefined); // not there yet
  if (requested === undefined && stats && stats.uid !== 0) {
    const account = await accountOf(String(stats.uid), false);
    if (account && account.name !== ACCOUNT) return account;
  }
  return (await accountOf(ACCOUNT, true)) ?? NOT_MADE;
}

/** sysusers.d(5). */
export const ACCOUNT_FILE = `u ${ACCOUNT} - "mcp-ai-toolkit service" ${ACCOUNT_HOME}\n`;

async function makeAccount(root: string, file: string): Promise<void> {
  const image = (flag: string) => (root === "/" ? [] : [flag, root]);
  const flags = ["--system", "--user-group", "--home-dir", ACCOUNT_HOME, "--shell", "/usr/sbin/nologin"];
  try {
    await promisify(execFile)("systemd-sysusers", [...image("--root"), file]);
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error; // split off by some distributions
    await promisify(execFile)("useradd", [...image("--prefix"), ...flags, ACCOUNT]);
  }
}

/** Both tools also work on an image. */
export const accountStep = (root: string, file: string): Step => ({
  title: `Make the system account ${ACCOUNT}`,
  async run() {
    if (await inFile(join(root, "etc/passwd"), ACCOUNT)) return UNCHANGED;
    await makeAccount(root, file);
    return undefined;
  },
});

/** Now that it was made. */
export async function madeAccount(root: string): Promise<Account> {
  const entry = parsePasswd((await inFile(join(root, "etc/passwd"), ACCOUNT)) ?? "");
  if (!entry) throw new Error(`systemd-sysusers did not make the account ${ACCOUNT}`);
  return { ...NOT_MADE, owner: { uid: entry.uid, gid: entry.gid } };
}

/** Groups that GPU devices belong to on most distributions. */
const GPU_GROUPS = ["video", "render"];

export async function gpuGroups(): Promise<string[]> {
  const found = await Promise.all(GPU_GROUPS.map((name) => lookUp("group", name)));
  return GPU_GROUPS.filter((_name, index) => found[index] !== undefined);
}
