// What the queue knows of a GPU, and how it is called in sentences.

/** A program that computes on a GPU, as nvidia-smi lists it. Windows and compositors are not among them. */
export interface ComputeApp {
  readonly pid: number;
  /** File name of the program; null when the driver may not tell. Untrusted text. */
  readonly name: string | null;
  /** null where the driver does not know: in containers, under WSL, with MIG. */
  readonly usedMib: number | null;
  /** Its session (setsid(2)), by which runs of ours are known; null when the process cannot be seen from here. */
  readonly session: number | null;
  /** What it trains, where it is ai-toolkit and that can be seen: for sentences. */
  readonly training?: string | undefined;
}

export interface GpuState {
  /** As nvidia-smi counts. May be another one after a reboot. */
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly totalMib: number | null;
  readonly usedMib: number | null;
  readonly freeMib: number | null;
  readonly apps: readonly ComputeApp[];
}

export type GpuSnapshot =
  | { readonly kind: "gpus"; readonly gpus: readonly GpuState[] }
  /** The agent's own environment decides what a run sees, e.g. `CUDA_VISIBLE_DEVICES=`; `note` says how. */
  | { readonly kind: "own"; readonly note: string }
  /** There is no NVIDIA GPU. */
  | { readonly kind: "none"; readonly note: string }
  /** There should be one, but the driver does not answer. */
  | { readonly kind: "failed"; readonly note: string };

/** "RTX 4090": people leave the maker's name out. */
export function shortName(name: string): string {
  return name.replace(/^NVIDIA (GeForce )?/, "");
}

export function gpuTitle({ index, name }: Pick<GpuState, "index" | "name">): string {
  return `GPU ${index} (${shortName(name)})`;
}

export function gib(mib: number): string {
  return `${(mib / 1024).toFixed(1)} GiB`;
}
