// Where runs sit: a GPU each, or the one place of a machine without.
import { foreignUse } from "../../gpus/foreign.ts";
import type { GpuSnapshot, GpuState } from "../../gpus/gpu.ts";
import type { Job } from "../training/job-store.ts";

/** A place for one run. */
export interface Seat {
  readonly uuid: string | null;
  readonly gpu: GpuState | undefined;
  readonly job: Job | undefined;
  /** Somebody else's use of it. */
  readonly foreign: string | undefined;
}

export function seatsOf(snapshot: GpuSnapshot | undefined, running: readonly Job[]): Seat[] {
  const gpus = snapshot?.kind === "gpus" ? snapshot.gpus : [];
  const sessions = new Set(running.flatMap(({ pid }) => pid ?? []));
  const seats: Seat[] = gpus.map((gpu) => {
    const job = running.find(({ gpu_uuid }) => gpu_uuid === gpu.uuid);
    return { uuid: gpu.uuid, gpu, job, foreign: job ? undefined : foreignUse(gpu, sessions) };
  });
  // Also those on a GPU that has vanished, and without one.
  const elsewhere = running
    .filter(({ gpu_uuid }) => !gpus.some(({ uuid }) => uuid === gpu_uuid))
    .map((job) => ({ uuid: job.gpu_uuid, gpu: undefined, job, foreign: undefined }));
  const isOneAtATime = snapshot !== undefined && snapshot.kind !== "gpus" && elsewhere.length === 0;
  const only = { uuid: null, gpu: undefined, job: undefined, foreign: undefined };
  return [...seats, ...elsewhere, ...(isOneAtATime ? [only] : [])];
}

/** Was it queued for this place, or for any? */
export const mayUse = ({ wished_gpu }: Job, uuid: string | null) =>
  wished_gpu === null || wished_gpu === uuid;
