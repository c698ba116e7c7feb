// ai-toolkit's `loss_log.db` (toolkit/logging_aitk.py): loss, learning rate and the wall time of each step.
// Its step numbers count from 0 and the first step of a run is never logged.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface LossTail {
  readonly loss: number | null;
  readonly lr: number | null;
  /** Seconds between neighbouring steps, the newest last; gaps over sampling and saving included. */
  readonly stepSeconds: readonly number[];
}

/** How many step times an estimate looks back over. */
const WINDOW = 50;

/**
 * The newest figures. `since` (Unix seconds): rows from before this run's start belong to an earlier one.
 * Undefined when there is no such file yet or it cannot be read right now.
 */
export function readLossTail(outputFolder: string, since: number): LossTail | undefined {
  const path = join(outputFolder, "loss_log.db");
  if (!existsSync(path)) return undefined;
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 500 });
    const rows = db
      .prepare("SELECT step, wall_time FROM steps WHERE wall_time >= ? ORDER BY step DESC LIMIT ?")
      .all(since, WINDOW + 1) as { step: number; wall_time: number }[];
    const newest = rows[0]?.step;
    if (newest === undefined) return { loss: null, lr: null, stepSeconds: [] };
    const value = db.prepare(
      "SELECT value_real AS value FROM metrics WHERE key = ? AND step <= ? ORDER BY step DESC LIMIT 1",
    );
    const figure = (key: string): number | null => {
      const found = value.get(key, newest) as { value: number | null } | undefined;
      return found?.value ?? null;
    };
    const stepSeconds = rows
      .slice(0, -1)
      .map((row, index) => {
        const before = rows[index + 1];
        return before ? (row.wall_time - before.wall_time) / Math.max(1, row.step - before.step) : 0;
      })
      .reverse();
    return { loss: figure("loss/loss"), lr: figure("learning_rate"), stepSeconds };
  } catch {
    return undefined; // being created or locked this moment; the next poll sees it
  } finally {
    db?.close();
  }
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null;
  const ordered = [...values].sort((a, b) => a - b);
  const middle = ordered.length >> 1;
  const upper = ordered[middle] ?? 0;
  return ordered.length % 2 === 1 ? upper : ((ordered[middle - 1] ?? 0) + upper) / 2;
}
