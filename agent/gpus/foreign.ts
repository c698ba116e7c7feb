// Is a GPU in use by somebody else's program? People share their card with games, image generators and language models,
// and a training beside one of those ends with CUDA out of memory, for both.
import { type ComputeApp, type GpuState, gib, gpuTitle } from "./gpu.ts";

/**
 * A program with less than this is let be: a bare CUDA context takes 0.2 to 0.6 GiB, a browser or compositor that
 * decodes video seldom a whole one; a model to generate or talk with never fits.
 */
const CONSIDERABLE_MIB = 1024;
/**
 * Where the driver does not say whose the memory is (in containers, under WSL; games never are in its list), only what
 * the whole card has in use can tell: more than a quarter of it, and more than any desktop.
 */
const UNKNOWN_SHARE = 1 / 4;
const UNKNOWN_MIB = 4 * 1024;

function considerable(total: number | null, used: number | null): boolean {
  return total !== null && used !== null && used >= Math.max(UNKNOWN_MIB, total * UNKNOWN_SHARE);
}

function describe({ name, training, pid, usedMib }: ComputeApp): string {
  return `${training ?? name ?? "a program"} (pid ${pid}${usedMib === null ? "" : `, ${gib(usedMib)}`})`;
}

/**
 * A GPU on which no run of ours is: who has it? A sentence, or undefined when it is free.
 * @param ours sessions of our own runs; one that is just going may still be listed
 */
export function foreignUse(gpu: GpuState, ours: ReadonlySet<number>): string | undefined {
  const apps = gpu.apps.filter(({ session }) => session === null || !ours.has(session));
  const known = apps
    .filter(({ usedMib }) => (usedMib ?? 0) >= CONSIDERABLE_MIB)
    .sort((a, b) => (b.usedMib ?? 0) - (a.usedMib ?? 0));
  const [largest] = known;
  if (largest) {
    const others = known.length > 1 ? ` and ${known.length - 1} more` : "";
    return `${gpuTitle(gpu)} is used by ${describe(largest)}${others}, not started by this server`;
  }
  if (gpu.apps.length > apps.length || !considerable(gpu.totalMib, gpu.usedMib)) return undefined;
  const memory = `${gib(gpu.usedMib ?? 0)} of ${gib(gpu.totalMib ?? 0)}`;
  const [secret] = apps.filter(({ usedMib }) => usedMib === null);
  return secret
    ? `${gpuTitle(gpu)} is used by ${describe(secret)}, not started by this server: ${memory} are taken`
    : `${gpuTitle(gpu)} has ${memory} taken by programs that cannot be seen from here`;
}
