// Lets waiting jobs start: looks at the GPUs when one could, and claims it.
import type { GpuSnapshot, GpuState } from "../../gpus/gpu.ts";
import type { GpuWatch } from "../../gpus/gpu-watch.ts";
import type { Choose, Job, JobStore } from "../training/job-store.ts";
import type { ProcessIdentity } from "../training/process.ts";
import { type Place, placement } from "./placement.ts";

/** A look at the GPUs on which a job is started is at most this old: others look for a free one, too. */
export const FRESH_MS = 2_000;
/** Without GPUs there is nobody to share with; but a driver may be installed while we run. */
const FRESH_WITHOUT_GPUS_MS = 60_000;
/** How often a GPU that somebody else uses is looked at while a job waits for it. */
const LOOK_AGAIN_MS = 5_000;

export interface StarterParts {
  readonly store: JobStore;
  readonly gpus: GpuWatch;
  readonly now: () => Date;
  /** Called after a look at the GPUs that a job waited for. */
  readonly looked: () => void;
}

const freshMs = ({ kind }: GpuSnapshot) =>
  kind === "none" || kind === "own" ? FRESH_WITHOUT_GPUS_MS : FRESH_MS;

const assigned = (gpu: GpuState | null) => ({
  gpu_uuid: gpu?.uuid ?? null,
  gpu_index: gpu?.index ?? null,
  gpu_name: gpu?.name ?? null,
});

export class Starter {
  readonly #parts: StarterParts;
  #looking = false;

  constructor(parts: StarterParts) {
    this.#parts = parts;
  }

  /** Claims the next job that may start. Undefined: none may, or none before the GPUs were looked at again. */
  claimNext(claimer: ProcessIdentity): Job | undefined {
    const { store, gpus, now } = this.#parts;
    if (!store.queue.hasWaiting()) return undefined;
    const snapshot = gpus.latest;
    if (!snapshot) {
      this.#look();
      return undefined;
    }
    const places = this.#places(snapshot, store.waiting(), store.running());
    if (places.some(({ starts }) => starts)) {
      if (gpus.ageMs <= freshMs(snapshot)) {
        const choose: Choose = (...jobs) => {
          const first = this.#places(snapshot, ...jobs).find((place) => place.starts);
          return first && { id: first.job.id, gpu: assigned(first.gpu) };
        };
        return store.claimNext(claimer, now().toISOString(), choose);
      }
      this.#look();
    } else if (gpus.ageMs > LOOK_AGAIN_MS && places.some((place) => !place.starts && place.looksAgain)) {
      this.#look();
    }
    return undefined;
  }

  #places(snapshot: GpuSnapshot, waiting: readonly Job[], running: readonly Job[]): Place<Job>[] {
    return placement({ snapshot, waiting, running, hadGpus: this.#parts.store.queue.hasUsedGpu() });
  }

  /** In the background: a driver may take its time, and the running jobs need us. */
  #look(): void {
    if (this.#looking) return;
    this.#looking = true;
    void this.#parts.gpus.refresh().then(() => {
      this.#looking = false;
      this.#parts.looked();
    });
  }
}
