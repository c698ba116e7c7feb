// A service manager may put the agent before other programs, so that it answers also while a training takes the whole
// machine. A trainer is to have the opposite of that: it is what the machine may slow down and what it may end.
import { readFile } from "node:fs/promises";
import { getPriority } from "node:os";

export interface Priority {
  /** nice(1): -20, the first served, to 19. */
  readonly nice: number;
  /** /proc/<pid>/oom_score_adj (proc(5)): -1000, never ended for want of memory, to 1000. */
  readonly oomScoreAdjust: number;
}

const NICE_MAX = 19;

export async function ownPriority(): Promise<Priority> {
  const text = await readFile("/proc/self/oom_score_adj", "utf8").catch(() => "0"); // not Linux
  return { nice: getPriority(), oomScoreAdjust: Number(text) };
}

/** Of an agent without privileges: nothing but what it has itself. */
export function trainerPriority(own: Priority): Priority {
  return {
    nice: own.nice < 0 ? Math.min(-own.nice, NICE_MAX) : own.nice,
    oomScoreAdjust: Math.abs(own.oomScoreAdjust),
  };
}

/** What to put before a command so that it runs with `wanted`. */
export function niceCommand(own: Priority, wanted: Priority): readonly string[] {
  const more = wanted.nice - own.nice;
  return more > 0 ? ["nice", "-n", String(more)] : [];
}
