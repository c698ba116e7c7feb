// Which GPUs this agent may use, by its own environment. What was given to it, it gives on; never more.
import type { Environment } from "../trainer/environment.ts";

export type Allowed =
  | { readonly kind: "all" }
  /** Indices or UUIDs, also shortened ones, as CUDA takes them. */
  | { readonly kind: "some"; readonly ids: readonly string[] }
  /** Nothing that could be shared out: none at all, or parts of a GPU. */
  | { readonly kind: "own"; readonly note: string };

const words = (text: string) => text.split(",").map((word) => word.trim());

/** CUDA_VISIBLE_DEVICES, read as CUDA reads it. */
export function allowedGpus({ CUDA_VISIBLE_DEVICES: given }: Environment): Allowed {
  if (given === undefined) return { kind: "all" };
  const ids = words(given);
  if (ids.some((id) => id.startsWith("MIG-"))) {
    return {
      kind: "own",
      note: "CUDA_VISIBLE_DEVICES names a part of a GPU (MIG): one run at a time, with that",
    };
  }
  // What follows on an invalid entry does not count; -1 and NoDevFiles are the usual ones, made to hide everything.
  const end = ids.findIndex((id) => !/^\d+$|^GPU-/.test(id));
  const valid = end === -1 ? ids : ids.slice(0, end);
  return valid.length > 0
    ? { kind: "some", ids: valid }
    : { kind: "own", note: "CUDA_VISIBLE_DEVICES hides every GPU from this server" };
}

interface Gpu {
  readonly index: number;
  readonly uuid: string;
}

const named = (id: string, gpu: Gpu) =>
  /^\d+$/.test(id) ? gpu.index === Number(id) : gpu.uuid.startsWith(id);

function some<G extends Gpu>(gpus: readonly G[], ids: readonly string[]): readonly G[] {
  return gpus.filter((gpu) => ids.some((id) => named(id, gpu)));
}

/**
 * NVIDIA_VISIBLE_DEVICES tells a container runtime which GPUs to let in. Inside, they are counted anew while the
 * variable still has the host's numbers; so numbers count only where more GPUs are there than were asked for.
 */
function letIn<G extends Gpu>(
  gpus: readonly G[],
  { NVIDIA_VISIBLE_DEVICES: given }: Environment,
): readonly G[] {
  const ids = words(given ?? "");
  if (ids.every((id) => id.startsWith("GPU-"))) {
    const found = some(gpus, ids);
    return found.length > 0 ? found : gpus; // shut out by the runtime, or left over from another machine
  }
  return ids.every((id) => /^\d+$/.test(id)) && gpus.length > ids.length ? some(gpus, ids) : gpus;
}

/** Those of `gpus` that this agent may use. */
export function visibleGpus<G extends Gpu>(gpus: readonly G[], environment: Environment): readonly G[] {
  const allowed = allowedGpus(environment);
  const inside = letIn(gpus, environment);
  if (allowed.kind === "own") return [];
  return allowed.kind === "all" ? inside : some(inside, allowed.ids);
}
