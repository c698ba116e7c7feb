// For tests: a process that one of ours has started without telling us which it is.
import { readdir, readFile } from "node:fs/promises";

/** @param name as the kernel knows it: 15 characters at most. @throws Error when there is none */
export async function childOf(parent: number, name: string): Promise<number> {
  for (const pid of await readdir("/proc")) {
    // PID (NAME) STATE PARENT …; what is no process, or no longer, has no such file
    const stat = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "") : "";
    if (stat.startsWith(`${pid} (${name}) `) && Number(stat.split(" ")[3]) === parent) return Number(pid);
  }
  throw new Error(`Process ${parent} has no child called ${name}`);
}
