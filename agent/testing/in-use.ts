// For tests: what unfinished runs use.
import type { InUse, User } from "../in-use.ts";

export const jobOfOurs = (id: string): User => ({
  title: `the training job ${id}`,
  remedy: "Stop the job with stop_training",
});

/** @param used by path the id of a job of ours */
export const usedBy = (used: ReadonlyMap<string, string>): InUse => ({
  async userOf(paths) {
    const id = paths.map((path) => used.get(path)).find((each) => each !== undefined);
    return id === undefined ? undefined : jobOfOurs(id);
  },
  jobOfConfig: () => undefined,
});

export const NOT_IN_USE: InUse = usedBy(new Map());
