import { ToolError } from "../../../shared/errors.ts";
import type { InUse } from "../../in-use.ts";

/**
 * @param paths everything a run may know the data set by: its path, its real path, what a link leads to
 * @param then what can be done when the run has ended, or instead: the end of the hint
 * @throws ToolError conflict when an unfinished run uses it
 */
export async function refuseInUse(
  inUse: InUse,
  name: string,
  paths: readonly string[],
  then: string,
): Promise<void> {
  const user = await inUse.userOf(paths);
  if (!user) return;
  throw new ToolError("conflict", `The dataset ${name} is used by ${user.title}`, {
    hint: `${user.remedy} or wait until it has finished${then}`,
  });
}
