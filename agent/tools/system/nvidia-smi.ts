// The lines of `nvidia-smi --query-gpu=… --format=csv,noheader,nounits` → GPUs.
import type { Gpu } from "../../../shared/tools/system.ts";

export const QUERY =
  "index,uuid,name,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw,power.limit";

/** Columns after the name. The name is the only one that may hold a comma, so the others are counted from the ends. */
const NUMBERS = 6;

/** "[N/A]", "[Not Supported]", "[Unknown Error]", "ERR!" … : the driver does not know. */
function figure(text: string | undefined): number | null {
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

/** One line, or undefined when it is no GPU but a message of the driver's. */
export function parseGpuLine(line: string): Gpu | undefined {
  const columns = line.split(",").map((each) => each.trim());
  const [index, uuid, ...rest] = columns;
  if (rest.length <= NUMBERS || !index || !/^\d+$/.test(index) || !uuid) return undefined;
  const [total, used, utilization, temperature, power, powerLimit] = rest.slice(-NUMBERS).map(figure);
  return {
    index: Number(index),
    uuid,
    name: rest.slice(0, -NUMBERS).join(", "),
    utilization_percent: utilization ?? null,
    memory_used_mib: used ?? null,
    memory_total_mib: total ?? null,
    temperature_c: temperature ?? null,
    power_w: power ?? null,
    power_limit_w: powerLimit ?? null,
  };
}
