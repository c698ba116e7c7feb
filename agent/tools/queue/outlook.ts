// What is to be expected of runs and of waiting jobs: the known of each put together for the forecast.
import type { Job, JobStore } from "../training/job-store.ts";
import { type Expectation, forecast } from "./forecast.ts";
import type { Place } from "./placement.ts";
import { mayUse, type Seat } from "./seats.ts";
import { expectedSeconds } from "./speed.ts";

export interface OutlookParts {
  readonly store: JobStore;
  readonly now: () => Date;
  /** What the status of a running job says of its time left. */
  readonly etaSeconds: (job: Job) => Promise<number | null>;
}

/** What is left of a run: what its status says, or, before that can say anything, what runs like it took. */
export async function secondsLeft(
  { store, now, etaSeconds }: OutlookParts,
  job: Job,
): Promise<number | null> {
  const eta = await etaSeconds(job);
  if (eta !== null || job.started_at === null || job.stop_requested_at !== null) return eta;
  const expected = expectedSeconds(stepsOf(job), store.speeds.like(job, job.gpu_name));
  // One that takes longer than expected tells us nothing of when it will be done.
  const left = expected === null ? null : expected - (now().getTime() - Date.parse(job.started_at)) / 1000;
  return left === null || left < 0 ? null : left;
}

function stepsOf({ total_steps, first_step }: Job): number | null {
  return total_steps === null || first_step === null ? null : Math.max(0, total_steps - first_step);
}

export interface Outlook {
  readonly seats: readonly Seat[];
  readonly waiting: readonly Job[];
  readonly places: readonly (Place | undefined)[];
  readonly etas: ReadonlyMap<string, number | null>;
}

export function expectations(
  { store, now }: OutlookParts,
  { seats, waiting, places, etas }: Outlook,
): ReadonlyMap<string, Expectation> {
  const nowMs = now().getTime();
  const hasGpus = seats.some(({ gpu }) => gpu);
  // A run that may be on any GPU holds up all; a GPU that has vanished takes nobody.
  const isBlocked = hasGpus && seats.some(({ uuid }) => uuid === null);
  const usable = isBlocked ? [] : seats.filter(({ uuid, gpu }) => gpu || uuid === null);
  const slots = usable.map(({ uuid, job }) => {
    const eta = job ? (etas.get(job.id) ?? null) : 0;
    return { id: uuid, freeAtMs: eta === null ? null : nowMs + eta * 1000 };
  });
  const jobs = waiting.map((job, index) => {
    const place = places[index];
    // Without GPUs only what the driver says can be waited for, and nobody knows how long.
    const isStuck =
      place === undefined || (!place.starts && (place.indefinite || (place.looksAgain && !hasGpus)));
    const mine = usable.filter(({ uuid, foreign }) => mayUse(job, uuid) && (job.forced || !foreign));
    return {
      id: job.id,
      slots: isStuck ? [] : mine.map(({ uuid }) => uuid),
      durationMs: (slot: string | null) => {
        const name = seats.find(({ uuid }) => uuid === slot)?.gpu?.name ?? null;
        const seconds = expectedSeconds(stepsOf(job), store.speeds.like(job, name));
        return seconds === null ? null : seconds * 1000;
      },
    };
  });
  return forecast(slots, jobs);
}
