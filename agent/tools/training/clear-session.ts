// What outlives a run: data loader workers keep the GPU's memory.
import { readdir, readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { bootId, identify, isAlive, type ProcessIdentity, sessionMembers, signalAll } from "./process.ts";

const WATCH_MS = 50;
/** They get this long after SIGTERM, and again to vanish after SIGKILL. */
const LEFTOVER_MS = 2_000;

/** Ends all that an ended run has left behind, also what has opened a session of its own. */
export async function clearSession(run: ProcessIdentity, jobId: string): Promise<void> {
  if (run.bootId !== null && run.bootId !== (await bootId())) return; // nothing outlives a reboot
  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    const pids = [...new Set([...(await sessionMembers(run)), ...(await processesOf(jobId))])];
    if (pids.length === 0) return;
    let left = await Promise.all(pids.map(identify));
    signalAll(pids, signal);
    // Only these are watched: to look through all processes again and again would cost more than they do.
    for (const end = performance.now() + LEFTOVER_MS; left.length > 0 && performance.now() < end; ) {
      await delay(WATCH_MS);
      const alive = await Promise.all(left.map(isAlive));
      left = left.filter((_, index) => alive[index]);
    }
  }
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
