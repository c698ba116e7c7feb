// CPU load between two readings of the kernel's counters.
import type { CpuInfo } from "node:os";

interface Times {
  readonly busy: number;
  readonly total: number;
}

/** Of all cores since boot, in milliseconds. */
function timesOf(cores: readonly CpuInfo[]): Times {
  let busy = 0;
  let total = 0;
  for (const { times } of cores) {
    const used = times.user + times.nice + times.sys + times.irq;
    busy += used;
    total += used + times.idle;
  }
  return { busy, total };
}

/** With one digit after the point, never below 0 or above 100. */
export function percent(part: number, whole: number): number {
  return whole > 0 ? Math.round(Math.min(1, Math.max(0, part / whole)) * 1000) / 10 : 0;
}

export class CpuMeter {
  #last: Times;

  constructor(cores: readonly CpuInfo[]) {
    this.#last = timesOf(cores);
  }

  /** How busy the cores were since the reading before, in percent. Cores may come and go. */
  percent(cores: readonly CpuInfo[]): number {
    const before = this.#last;
    this.#last = timesOf(cores);
    return percent(this.#last.busy - before.busy, this.#last.total - before.total);
  }
}
