// Room on the disks, and may we write where we have to?
import { randomUUID } from "node:crypto";
import { stat, unlink, writeFile } from "node:fs/promises";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { shellWord } from "../../shared/file-links.ts";
import { PARTIAL_PREFIX } from "../files/atomic.ts";
import { diskSpace } from "../files/disk-space.ts";
import { hasCode } from "../files/sandbox.ts";
import { userName } from "../install/account.ts";
import { installedService } from "../install/installed.ts";
import type { Paths } from "../paths.ts";
import { error, type Finding, ok, warning } from "./finding.ts";

const GIB = 1024 ** 3;
/** A base model, latents and some checkpoints; see preflight for what a certain run needs. */
const ROOM_BYTES = 30 * GIB;
/** A checkpoint with its optimizer state may not fit. */
const TIGHT_BYTES = 2 * GIB;

export function diskFinding(what: string, path: string, freeBytes: number): Finding {
  const text = `${Math.floor(freeBytes / GIB)} GiB free for ${what} (${path})`;
  if (freeBytes >= ROOM_BYTES) return ok("disk", text);
  const look = `du -xh --max-depth=2 ${path} | sort -h | tail`;
  return (freeBytes < TIGHT_BYTES ? error : warning)("disk", text, look);
}

/** Disks, each once. */
export async function diskChecks(places: ReadonlyMap<string, string>): Promise<Finding[]> {
  const seen = new Set<number>();
  const findings: Finding[] = [];
  for (const [what, path] of places) {
    const there = await nearest(path);
    const { dev } = await stat(there);
    if (seen.has(dev)) continue;
    seen.add(dev);
    findings.push(diskFinding(what, path, (await diskSpace(there)).freeBytes));
  }
  return findings;
}

const nearest = async (path: string) => (await nearestAndMissing(path)).there;

/** The folder above that is there, and the first below it that is not made yet. */
async function nearestAndMissing(
  path: string,
  missing?: string,
): Promise<{ readonly there: string; readonly missing: string | undefined }> {
  const there = await stat(path).catch(() => undefined);
  return there || dirname(path) === path
    ? { there: path, missing }
    : await nearestAndMissing(dirname(path), path);
}

/** By writing: modes do not tell of read-only disks, ACLs and a sandbox. */
async function writeProblem(folder: string): Promise<string | undefined> {
  const probe = join(folder, `${PARTIAL_PREFIX}${randomUUID()}`);
  try {
    await writeFile(probe, "probe", { flag: "wx" });
    await unlink(probe);
    return undefined;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code ?? String(thrown);
  }
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: "may not be written",
  EPERM: "may not be written",
  EROFS: "is on a read-only disk, or the service was not given it",
  ENOSPC: "is on a full disk",
  ENOTDIR: "is not a folder",
};

export async function permissionChecks(
  { config, datasets, output, outputs, state, exportRoots }: Paths,
  user = userInfo().username,
  serviceUser = installedService()?.user,
): Promise<Finding[]> {
  const folders = [config, datasets, output, outputs, state, ...exportRoots.map(({ path }) => path)];
  const findings: Finding[] = [];
  const told = new Set<string>();
  for (const folder of folders) {
    if (await isClosed(folder)) {
      const look = `namei -l ${folder} shows which folder on the way keeps ${user} out`;
      findings.push(error("permissions", `${folder} cannot be reached (as ${user})`, look));
      continue;
    }
    const { there, missing } = await nearestAndMissing(folder);
    // Several folders that are to be made in the same one have the same trouble.
    if (told.has(missing ?? there)) continue;
    told.add(missing ?? there);
    const problem = await writeProblem(there);
    if (problem === undefined) continue;
    const which = missing === undefined ? folder : `${missing} is missing, and ${there}`;
    findings.push(
      error(
        "permissions",
        `${which} ${WHY[problem] ?? problem} (as ${user})`,
        await mend(problem, { there, missing, user, serviceUser }),
      ),
    );
  }
  return findings.length > 0 ? findings : [ok("permissions", `all folders can be written (as ${user})`)];
}

async function isClosed(folder: string): Promise<boolean> {
  return await stat(folder).then(
    () => false,
    (thrown) => hasCode(thrown, "EACCES"),
  );
}

interface Place {
  readonly there: string;
  readonly missing: string | undefined;
  readonly user: string;
  readonly serviceUser: string | undefined;
}

/** Whoever follows it must not take the folder away from whom it belongs to. */
async function mend(problem: string, { there, missing, user, serviceUser }: Place): Promise<string> {
  if (problem === "EROFS")
    return "sudo mcp-ai-toolkit install opens its folders to the service; or remount the disk";
  if (problem === "ENOSPC") return `du -xh --max-depth=2 ${shellWord(there)} | sort -h | tail`;
  const folder = shellWord(there);
  const { uid } = await stat(there);
  if (uid === process.geteuid?.()) return `chmod -R u+rwX ${folder}`;
  // What is missing is made; the folder that it is made in stays root's: it may be the system's.
  if (uid === 0 && missing !== undefined) return `sudo install -d -o ${user} ${shellWord(missing)}`;
  if (uid === 0) return `sudo chown -R ${user}: ${folder}`;
  const owner = await userName(uid);
  if (owner === serviceUser) return "it is the service's, which looks by: sudo mcp-ai-toolkit doctor";
  return `it is ${owner}'s; share it: sudo setfacl -R -m u:${user}:rwX ${folder}`;
}
