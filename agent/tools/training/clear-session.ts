// What outlives a run: data loader workers keep the GPU's memory.
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { type ProcessIdentity, sessionMembers, signalAll } from "./process.ts";

const WATCH_MS = 50;
/** They get this long after SIGTERM. */
export const LEFTOVER_MS = 2_000;

/** Ends all that an ended run has left behind, also what has opened a session of its own. */
export async function clearSession(identity: ProcessIdentity, jobId: string): Promise<void> {
  const left = async () => [...new Set([...(await sessionMembers(identity)), ...(await processesOf(jobId))])];
  let members = await left();
  if (members.length > 0) signalAll(members, "SIGTERM");
  for (let waited = 0; members.length > 0 && waited < LEFTOVER_MS; waited += WATCH_MS) {
    await delay(WATCH_MS);
    members = await left();
  }
  signalAll(members, "SIGKILL");
}

/**
 * Every process that was started with this job's id in its environment. Looks at all there are, so it is for the end of
 * a run; only our own user's (or, for root, everybody's) can be read.
 */
async function processesOf(jobId: string): Promise<number[]> {
  const found: number[] = [];
  const entry = `\0AITK_JOB_ID=${jobId}\0`;
  for (const pid of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (`\0${environment}`.includes(entry)) found.push(Number(pid));
  }
  return found;
}
