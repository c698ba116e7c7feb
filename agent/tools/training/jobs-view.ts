// What preflight asks of other jobs, from agent.db.
import type { JobsView } from "../preflight/facts.ts";
import type { FolderWatch } from "../queue/folder-watch.ts";
import { placement } from "../queue/placement.ts";
import type { JobStore } from "./job-store.ts";

/** No job of ours has such an id. */
const NEW = "new";

export function jobsView(
  store: JobStore,
  folders: Pick<FolderWatch, "obstacle">,
  writer: JobsView["writer"],
): JobsView {
  return {
    unfinished: (config, outputFolder) =>
      store.unfinished().find((job) => job.config === config || job.output_folder === outputFolder)?.id,
    lastConfig: (outputFolder) => store.byOutputFolder(outputFolder)?.config,
    writer,
    place(snapshot, config, wishedGpu, trainer) {
      const job = { id: NEW, config, trainer, held: false, forced: false, wished_gpu: wishedGpu };
      const waiting = [...store.waiting(), job];
      const running = store.running();
      const places = placement<(typeof waiting)[number]>({
        snapshot,
        waiting,
        running,
        hadGpus: store.queue.hasUsedGpu(),
        // Who writes to the folder of the new one is a matter of its own.
        occupied: (each) => ("output_folder" in each ? folders.obstacle(each.output_folder) : undefined),
      });
      const own = places.at(-1);
      if (!own) throw new Error("placement answers for every waiting job");
      return own;
    },
  };
}
