import { ToolError } from "../../../shared/errors.ts";
import type { InUse } from "../../in-use.ts";

/**
 * @param paths everything a job may know the data set by: its path, its real path, what a link leads to
 * @throws ToolError conflict when an unfinished job uses it
 */
export function refuseInUse(inUse: InUse, name: string, paths: readonly string[], hint: string): void {
  for (const path of paths) {
    const job = inUse.jobUsing(path);
    if (job)
      throw new ToolError("conflict", `The dataset ${name} is used by the training job ${job}`, { hint });
  }
}
