// What unfinished jobs hold on to, from agent.db.

import { isInside } from "../../files/sandbox.ts";
import type { InUse } from "../../in-use.ts";
import type { JobStore } from "./job-store.ts";

export function inUseOf(store: JobStore): InUse {
  const overlaps = (a: string, b: string) => isInside(a, b) || isInside(b, a);
  return {
    jobUsing: (path) =>
      store
        .unfinished()
        .find((job) => [job.output_folder, ...job.dataset_folders].some((folder) => overlaps(folder, path)))
        ?.id,
    jobOfConfig: (name) => store.unfinished().find((job) => job.config === name)?.id,
  };
}
