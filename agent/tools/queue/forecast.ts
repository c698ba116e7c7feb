// When waiting jobs will start and finish, played through from what is known. What hangs on something unknown is unknown.

export interface ForecastSlot {
  /** UUID; null: the place for a run without a GPU of its own. */
  readonly id: string | null;
  /** Milliseconds since 1970, from which on the next run may start; null: nobody knows. */
  readonly freeAtMs: number | null;
}

export interface ForecastJob {
  readonly id: string;
  /** Where it may run, by id. None: it is held, or its GPU is not there. */
  readonly slots: readonly (string | null)[];
  /** How long it takes there; null without measurements. */
  readonly durationMs: (slot: string | null) => number | null;
}

export interface Expectation {
  readonly startMs: number | null;
  readonly finishMs: number | null;
}

const UNKNOWN: Expectation = { startMs: null, finishMs: null };

/** @param jobs in the queue's order */
export function forecast(
  slots: readonly ForecastSlot[],
  jobs: readonly ForecastJob[],
): ReadonlyMap<string, Expectation> {
  const freeAt = new Map(slots.map(({ id, freeAtMs }) => [id, freeAtMs]));
  return new Map(jobs.map((job) => [job.id, next(job, freeAt)]));
}

function next({ slots, durationMs }: ForecastJob, freeAt: Map<string | null, number | null>): Expectation {
  const candidates = slots.filter((id) => freeAt.has(id));
  let first: { id: string | null; atMs: number } | undefined;
  let isUnknown = candidates.length === 0;
  for (const id of candidates) {
    const atMs = freeAt.get(id) ?? null;
    if (atMs === null) isUnknown = true;
    else if (first === undefined || atMs < first.atMs) first = { id, atMs };
  }
  if (isUnknown || first === undefined) {
    // It may take any of these: whoever comes after it cannot count on one.
    for (const id of candidates) freeAt.set(id, null);
    return UNKNOWN;
  }
  const took = durationMs(first.id);
  const finishMs = took === null ? null : first.atMs + took;
  freeAt.set(first.id, finishMs);
  return { startMs: first.atMs, finishMs };
}
