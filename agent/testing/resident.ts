// For tests: what a process holds in memory, as Linux counts it (proc(5)).
import { readFile, writeFile } from "node:fs/promises";

async function statusMib(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) / 1024;
}

export const rssMib = (pid: number) => statusMib(pid, "VmRSS");

export interface Held<T> {
  readonly result: T;
  /** The most that each process has held meanwhile. */
  readonly peaksMib: readonly number[];
}

/** The kernel keeps the peak: no short one is missed. */
export async function heldDuring<T>(pids: readonly number[], work: () => Promise<T>): Promise<Held<T>> {
  for (const pid of pids) await writeFile(`/proc/${pid}/clear_refs`, "5"); // begins anew
  const result = await work();
  return { result, peaksMib: await Promise.all(pids.map((pid) => statusMib(pid, "VmHWM"))) };
}
