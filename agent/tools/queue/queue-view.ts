// The queue as clients see it: what runs where, who comes next, what each waits for, and when that will be.
import type * as v from "valibot";
import type { getQueue } from "../../../shared/tools/queue.ts";
import type { GpuSnapshot } from "../../gpus/gpu.ts";
import type { GpuWatch } from "../../gpus/gpu-watch.ts";
import type { Job } from "../training/job-store.ts";
import { type ForeignRun, isForeign } from "../training/run.ts";
import type { FolderWatch } from "./folder-watch.ts";
import { expectations, type OutlookParts, secondsLeft } from "./outlook.ts";
import { type Place, placement } from "./placement.ts";
import { mayUse, type Seat, seatsOf } from "./seats.ts";

export type Queue = Pick<v.InferInput<(typeof getQueue)["output"]>, "gpus" | "note" | "waiting">;
type Slot = Queue["gpus"][number];
export type QueueFacts = Pick<Queue["waiting"][number], "gpu" | "held" | "waiting_for" | "expected_start">;

export interface QueueParts extends OutlookParts {
  readonly gpus: GpuWatch;
  readonly folders: Pick<FolderWatch, "obstacle">;
}

export async function lookAtQueue(parts: QueueParts): Promise<Queue> {
  const { store, gpus, folders } = parts;
  const [waiting, running] = [store.waiting(), store.running()];
  const snapshot = gpus.latest;
  const places = snapshot
    ? placement({
        snapshot,
        waiting,
        running,
        hadGpus: store.queue.hasUsedGpu(),
        occupied: ({ output_folder }) => folders.obstacle(output_folder),
      })
    : waiting.map(() => undefined);
  const seats = seatsOf(snapshot, running);
  const etas = new Map(
    await Promise.all(running.map(async (job) => [job.id, await secondsLeft(parts, job)] as const)),
  );
  const expected = expectations(parts, { seats, waiting, places, etas });
  return {
    gpus: seats.map((seat) => slotOf(seat, { parts, waiting, etas })),
    note: snapshot === undefined || snapshot.kind === "gpus" ? null : snapshot.note,
    waiting: waiting.map((job, index) => {
      const { startMs = null, finishMs = null } = expected.get(job.id) ?? {};
      return {
        position: index + 1,
        job_id: job.id,
        config: job.config,
        gpu: gpuOf(job, snapshot),
        held: job.held,
        waiting_for: waitingFor(places[index]),
        expected_start: time(startMs),
        expected_finish: time(finishMs),
      };
    }),
  };
}

/** For one job; cheap unless it waits. */
export async function queueFacts(parts: QueueParts, job: Job): Promise<QueueFacts> {
  if (isForeign(job)) return foreignFacts(job);
  if (job.status !== "pending") return factsOfStarted(job, parts.gpus.latest);
  return factsOf((await lookAtQueue(parts)).waiting, job, parts.gpus.latest);
}

/** Of a run of somebody else's: our queue knows nothing of it. */
export function foreignFacts({
  gpu_uuid: uuid,
  gpu_index: index,
  gpu_name: name,
  waiting_for,
}: ForeignRun): QueueFacts {
  return {
    gpu: uuid === null ? null : { uuid, index, name },
    held: false,
    waiting_for,
    expected_start: null,
  };
}

/** @param waiting of a view that was made after the job was read */
export function factsOf(waiting: Queue["waiting"], job: Job, snapshot: GpuSnapshot | undefined): QueueFacts {
  const found = job.status === "pending" ? waiting.find(({ job_id }) => job_id === job.id) : undefined;
  if (!found) return factsOfStarted(job, snapshot);
  const { gpu, held, waiting_for, expected_start } = found;
  return { gpu, held, waiting_for, expected_start };
}

function factsOfStarted(job: Job, snapshot: GpuSnapshot | undefined): QueueFacts {
  return { gpu: gpuOf(job, snapshot), held: false, waiting_for: null, expected_start: null };
}

function gpuOf(job: Job, snapshot: GpuSnapshot | undefined): QueueFacts["gpu"] {
  const { gpu_uuid: uuid, gpu_index: index, gpu_name: name, wished_gpu } = job;
  if (uuid !== null) return { uuid, index, name };
  if (job.status !== "pending" || wished_gpu === null) return null;
  const there = snapshot?.kind === "gpus" ? snapshot.gpus.find((gpu) => gpu.uuid === wished_gpu) : undefined;
  return { uuid: wished_gpu, index: there?.index ?? null, name: there?.name ?? null };
}

const waitingFor = (place: Place | undefined) => (place && !place.starts ? place.waitingFor : null);
const time = (ms: number | null) => (ms === null ? null : new Date(ms).toISOString());

function slotOf(
  { uuid, gpu, job, foreign }: Seat,
  {
    parts,
    waiting,
    etas,
  }: { parts: QueueParts; waiting: readonly Job[]; etas: ReadonlyMap<string, number | null> },
): Slot {
  const eta = (job && etas.get(job.id)) ?? null;
  return {
    index: gpu?.index ?? job?.gpu_index ?? null,
    uuid,
    name: gpu?.name ?? job?.gpu_name ?? null,
    memory_total_mib: gpu?.totalMib ?? null,
    memory_free_mib: gpu?.freeMib ?? null,
    busy_with: job ? `job ${job.id}` : (foreign ?? null),
    running: job
      ? {
          job_id: job.id,
          config: job.config,
          started_at: job.started_at,
          eta_seconds: eta === null ? null : Math.ceil(eta),
          expected_finish: eta === null ? null : time(parts.now().getTime() + eta * 1000),
        }
      : null,
    waiting: waiting.filter((each) => mayUse(each, uuid)).map(({ id }) => id),
  };
}
