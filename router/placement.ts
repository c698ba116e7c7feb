// Which machine gets a new training: the shortest queue, then the most free memory on one GPU.

export interface Candidate {
  readonly name: string;
  /** Running and waiting. */
  readonly jobs: number;
  /** Of the GPU that has most; null where none is known. */
  readonly freeVramMib: number | null;
}

/** Memory comes second: a run that is still loading has not taken its own yet. */
export function freest(candidates: readonly Candidate[]): Candidate | undefined {
  return [...candidates].sort(
    (a, b) =>
      a.jobs - b.jobs || (b.freeVramMib ?? -1) - (a.freeVramMib ?? -1) || a.name.localeCompare(b.name),
  )[0];
}
