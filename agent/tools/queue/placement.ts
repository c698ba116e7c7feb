// Who of the waiting starts now, on which GPU, and what the others wait for. Each GPU takes the first in the queue that
// may run on it; a job that waits for a certain GPU holds up nobody who could use another.
import { foreignUse } from "../../gpus/foreign.ts";
import { type GpuSnapshot, type GpuState, gpuTitle } from "../../gpus/gpu.ts";
import type { Job } from "../training/job-store.ts";

type Waiting = Pick<Job, "id" | "config" | "trainer" | "held" | "forced" | "wished_gpu">;
type Running = Pick<Job, "config" | "pid" | "gpu_uuid">;

export interface Situation<W extends Waiting> {
  readonly snapshot: GpuSnapshot;
  /** In the queue's order. */
  readonly waiting: readonly W[];
  readonly running: readonly Running[];
  /** Jobs have run on GPUs here: if none is there, something is wrong. */
  readonly hadGpus: boolean;
  /** What keeps a job from its output folder, one sentence. */
  readonly occupied: (job: W) => string | undefined;
}

export type Place<W extends Waiting = Waiting> =
  /** `gpu` null: with what the agent's own environment lets a run see. */
  | { readonly job: W; readonly starts: true; readonly gpu: GpuState | null }
  | {
      readonly job: W;
      readonly starts: false;
      readonly waitingFor: string;
      /** It waits for something that only another look at the GPUs can tell of. */
      readonly looksAgain: boolean;
      /** It is not a GPU that it waits for: nobody can say how long. */
      readonly indefinite: boolean;
    };

type Refusal = Pick<Extract<Place, { starts: false }>, "waitingFor" | "looksAgain" | "indefinite">;

const because = (waitingFor: string, looksAgain = false): Refusal => ({
  waitingFor,
  looksAgain,
  indefinite: false,
});
const indefinitely = (waitingFor: string): Refusal => ({ waitingFor, looksAgain: false, indefinite: true });

const HELD = indefinitely("It is held; update_queue with action release lets it start");

/** One for each waiting job, in the same order. */
export function placement<W extends Waiting>(situation: Situation<W>): Place<W>[] {
  const { snapshot, waiting, occupied } = situation;
  const find = snapshot.kind === "gpus" ? onGpus(situation, snapshot.gpus) : oneAtATime(situation);
  return waiting.map((job) => {
    const inItsWay = occupied(job);
    const found = job.held ? HELD : inItsWay === undefined ? find(job) : indefinitely(inItsWay);
    return "gpu" in found ? { job, starts: true, ...found } : { job, starts: false, ...found };
  });
}

type Find<W> = (job: W) => { readonly gpu: GpuState | null } | Refusal;

function onGpus<W extends Waiting>({ running }: Situation<W>, gpus: readonly GpuState[]): Find<W> {
  const sessions = new Set(running.flatMap(({ pid }) => pid ?? []));
  /** Who has a GPU, or gets it now. */
  const takenBy = new Map<string, string>();
  for (const { gpu_uuid, config } of running) if (gpu_uuid) takenBy.set(gpu_uuid, `is training '${config}'`);
  // From a time, or an agent, that gave no GPUs out: it may be on any of them.
  const anywhere = running.find(({ gpu_uuid }) => gpu_uuid === null);

  const obstacle = (gpu: GpuState, forced: boolean): Refusal | undefined => {
    const taken = takenBy.get(gpu.uuid);
    if (taken) return because(`${gpuTitle(gpu)} ${taken}`);
    const foreign = forced ? undefined : foreignUse(gpu, sessions);
    return foreign === undefined ? undefined : because(foreign, true);
  };

  return ({ wished_gpu, forced, config }) => {
    const wished = wished_gpu === null ? gpus : gpus.filter(({ uuid }) => uuid === wished_gpu);
    if (wished.length === 0) return because(notThere(wished_gpu ?? "", gpus), true);
    if (anywhere) return because(`'${anywhere.config}' is running without a GPU of its own, on any of them`);
    const looked = wished.map((gpu) => ({ gpu, obstacle: obstacle(gpu, forced) }));
    const free = looked.filter((each) => !each.obstacle).map(({ gpu }) => gpu);
    const [best] = free.sort((a, b) => (b.freeMib ?? -1) - (a.freeMib ?? -1) || a.index - b.index);
    if (best) {
      takenBy.set(best.uuid, `goes to '${config}' first`);
      return { gpu: best };
    }
    const obstacles = looked.flatMap((each) => each.obstacle ?? []);
    return because(
      [...new Set(obstacles.map(({ waitingFor }) => waitingFor))].join("; "),
      obstacles.some(({ looksAgain }) => looksAgain),
    );
  };
}

function notThere(uuid: string, gpus: readonly GpuState[]): string {
  const there = gpus.map(gpuTitle).join(", ");
  return `${uuid} is not there: a driver fault, or it was taken out; there is ${there} (update_queue with action move and gpu gives the job another)`;
}

/** Without GPUs to share out: as if there were one. */
function oneAtATime<W extends Waiting>({ snapshot, running, hadGpus }: Situation<W>): Find<W> {
  let [taken] = running.map(({ config }) => `'${config}' is running, one training at a time`);
  const note = snapshot.kind === "gpus" ? "" : snapshot.note;
  return ({ wished_gpu, forced, trainer, config }) => {
    if (wished_gpu !== null) return because(`${wished_gpu} is not there: ${note}`, true);
    const isMissed =
      snapshot.kind !== "own" && (hadGpus || (snapshot.kind === "failed" && trainer !== "rehearsal"));
    if (isMissed && !forced) return because(note, true);
    if (taken) return because(taken);
    taken = `'${config}' starts first`;
    return { gpu: null };
  };
}
