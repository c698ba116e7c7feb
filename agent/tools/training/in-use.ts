// Who uses what: the folders of our unfinished jobs, from agent.db, and those of others' runs.
import { isInside } from "../../files/sandbox.ts";
import type { InUse, User } from "../../in-use.ts";
import type { Job, JobStore } from "./job-store.ts";

export interface FolderUser extends User {
  /** That it reads or writes; absolute. */
  readonly folders: readonly string[];
}

const ownUser = ({ id, output_folder, dataset_folders }: Job): FolderUser => ({
  title: `the training job ${id}`,
  remedy: "Stop the job with stop_training",
  folders: [output_folder, ...dataset_folders],
});

const overlap = (a: string, b: string) => isInside(a, b) || isInside(b, a);

/** @param others the unfinished runs of others, as they are now */
export function inUseOf(
  store: Pick<JobStore, "unfinished">,
  others: () => Promise<readonly FolderUser[]>,
): InUse {
  return {
    async userOf(paths) {
      const theirs = await others();
      // Ours are asked last: one may have been queued meanwhile.
      return [...store.unfinished().map(ownUser), ...theirs].find(({ folders }) =>
        folders.some((folder) => paths.some((path) => overlap(folder, path))),
      );
    },
    jobOfConfig: (name) => store.unfinished().find((job) => job.config === name)?.id,
  };
}
