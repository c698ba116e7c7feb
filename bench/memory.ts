// What processes hold in memory at most while something goes on, against what they held before the first byte of a file:
// idle, with their code loaded. For workerd that is all of it, V8's heap included, which grows as it sees fit.
import { heldDuring, rssMib } from "../agent/testing/resident.ts";
import type { Result } from "./measure.ts";
import type { Program } from "./program.ts";

const GROWTH_MIB_MAX = 48;

export interface Watch {
  /** @returns what `work` does, and what the programs have held at most meanwhile */
  during<T>(what: string, work: () => Promise<T>): Promise<[T, Result]>;
}

/** One baseline for all that follows: what one work leaves behind would hide what the next one takes. */
export async function watchMemory(programs: Readonly<Record<string, Program>>): Promise<Watch> {
  const pids = Object.values(programs).map(({ pid }) => pid);
  const baseline = await Promise.all(pids.map(rssMib));
  return {
    async during(what, work) {
      const { result, peaksMib } = await heldDuring(pids, work);
      const grown = baseline.map((mib, index) => ({ mib, by: (peaksMib[index] ?? Number.NaN) - mib }));
      return [
        result,
        {
          what: `memory of ${Object.keys(programs).join(" and ")} while ${what}`,
          figure: grown
            .map(({ mib, by }) => `${by < 0 ? "" : "+"}${by.toFixed(1)} MiB over ${mib.toFixed(0)}`)
            .join(", "),
          target: `≤ +${GROWTH_MIB_MAX} MiB`,
          ok: grown.every(({ by }) => by <= GROWTH_MIB_MAX),
        },
      ];
    },
  };
}
