// What preflight asks of other jobs, from agent.db.
import type { JobsView } from "../preflight/facts.ts";
import type { JobStore } from "./job-store.ts";

export function jobsView(store: JobStore): JobsView {
  return {
    unfinished: (config, outputFolder) =>
      store.unfinished().find((job) => job.config === config || job.output_folder === outputFolder)?.id,
    lastConfig: (outputFolder) => store.byOutputFolder(outputFolder)?.config,
    running: () => store.count("running"),
  };
}
