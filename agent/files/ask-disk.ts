// Questions about very many files, for processes in which nothing else has to go on.
import { atOnce } from "./at-once.ts";

/** A disk that has not answered all by then is a slow one. */
const QUICK_MS = 200;
const AT_ONCE = 16;

/**
 * A disk that answers at once (most of it lies in memory) is asked on this thread for one file after the other, which is
 * a sixth of the work. Whoever has to wait for it does better to ask for many at once.
 * @param take is told what of each path, by its index; an error stands for what was thrown
 */
export async function askDisk<T>(
  paths: readonly string[],
  now: (path: string) => T,
  later: (path: string) => Promise<T>,
  take: (index: number, answer: T | Error) => void,
): Promise<void> {
  const untilMs = performance.now() + QUICK_MS;
  let asked = 0;
  for (const path of paths) {
    if (performance.now() > untilMs) break;
    take(
      asked++,
      attempt(() => now(path)),
    );
  }
  const rest = [...paths.entries()].slice(asked);
  await atOnce(rest, AT_ONCE, async ([index, path]) => take(index, await later(path).catch(asError)));
}

function attempt<T>(work: () => T): T | Error {
  try {
    return work();
  } catch (error) {
    return asError(error);
  }
}

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
