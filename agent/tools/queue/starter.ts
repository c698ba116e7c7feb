// Lets waiting jobs start: looks at the GPUs when one could, and claims it.
import type { GpuSnapshot, GpuState } from "../../gpus/gpu.ts";
import type { GpuWatch } from "../../gpus/gpu-watch.ts";
import type { Choose, Job, JobStore } from "../training/job-store.ts";
import type { ProcessIdentity } from "../training/process.ts";
import type { FolderWatch } from "./folder-watch.ts";
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
  readonly folders: FolderWatch;
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
  async claimNext(claimer: ProcessIdentity): Promise<Job | undefined> {
    const { store, gpus, folders, now } = this.#parts;
    if (!store.queue.hasWaiting()) return undefined;
    await this.#lookAtFolders();
    const snapshot = gpus.latest;
    if (!snapshot) {
      this.#look();
      return undefined;
    }
    const places = this.#places(snapshot, store.waiting(), store.running());
    if (places.some(({ starts }) => starts)) {
      if (gpus.ageMs <= freshMs(snapshot)) {
        const choose: Choose = (...jobs) => {
          const first = this.#places(snapshot, ...jobs)
            .filter((place) => place.starts)
            .find(({ job }) => folders.isFresh(job.output_folder));
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
    const { store, folders } = this.#parts;
    return placement({
      snapshot,
      waiting,
      running,
      hadGpus: store.queue.hasUsedGpu(),
      occupied: ({ output_folder }) => folders.obstacle(output_folder),
    });
  }

  /** At those of jobs that would start, and at those that were not free: one that is not lets the next job start. */
  async #lookAtFolders(): Promise<void> {
    const { store, gpus, folders } = this.#parts;
    folders.keepOnly(new Set(store.waiting().map(({ output_folder }) => output_folder)));
    const looked = new Set<string>();
    for (;;) {
      const places = gpus.latest ? this.#places(gpus.latest, store.waiting(), store.running()) : [];
      const meant = places
        .filter(({ starts, job }) => starts || folders.obstacle(job.output_folder) !== undefined)
        .map(({ job }) => job.output_folder)
        .filter((folder) => !looked.has(folder));
      if (meant.length === 0) return;
      await folders.look(meant);
      for (const folder of meant) looked.add(folder);
    }
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
