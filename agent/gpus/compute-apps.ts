// The lines of `nvidia-smi --query-compute-apps=… --format=csv,noheader,nounits` → programs that compute.
import type { ComputeApp } from "./gpu.ts";

export const APPS_QUERY = "gpu_uuid,pid,process_name,used_memory";

const NAME_MAX = 60;

/** "/usr/bin/python3" → "python3". "[Not Found]", "[Insufficient Permissions]": the driver may not tell. */
function programName(path: string): string | null {
  if (path === "" || path.startsWith("[")) return null;
  // Whoever starts a program chooses its name: nothing of it may break a line or hide in one.
  const name = path.slice(path.lastIndexOf("/") + 1).replace(/[^\x20-\x7e]/g, "?");
  return name.slice(0, NAME_MAX) || null;
}

/** One line, or undefined when it is none. */
export function parseAppLine(
  line: string,
): (Omit<ComputeApp, "session" | "training"> & { readonly gpuUuid: string }) | undefined {
  const columns = line.split(",").map((each) => each.trim());
  // Only the name may hold commas, so the others are counted from the ends.
  const [gpuUuid, pid, ...rest] = columns;
  const used = rest.pop();
  if (!gpuUuid || pid === undefined || !/^\d+$/.test(pid) || used === undefined || rest.length === 0) {
    return undefined;
  }
  return {
    gpuUuid,
    pid: Number(pid),
    name: programName(rest.join(", ")),
    usedMib: /^\d+$/.test(used) ? Number(used) : null,
  };
}
