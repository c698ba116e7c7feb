// The lines of `nvidia-smi --query-gpu=… --format=csv,noheader,nounits` → GPUs.
import type { Gpu } from "../../../shared/tools/system.ts";

export const QUERY =
  "index,uuid,name,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw,power.limit";

export const QUERY_FORMAT = "--format=csv,noheader,nounits";

/** "[N/A]", "[Not Supported]", "[Unknown Error]", "ERR!" … : the driver does not know. */
export function figure(text: string | undefined): number | null {
  return text !== undefined && /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}

export interface GpuColumns {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly figures: readonly string[];
}

/**
 * A line of `index,uuid,name` and so many figures, or undefined when it is no GPU but a message of the driver's.
 * The name is the only column that may hold a comma, so the others are counted from the ends.
 */
export function splitGpuLine(line: string, figures: number): GpuColumns | undefined {
  const [index, uuid, ...rest] = line.split(",").map((each) => each.trim());
  if (rest.length <= figures || !index || !/^\d+$/.test(index) || !uuid) return undefined;
  return {
    index: Number(index),
    uuid,
    name: rest.slice(0, -figures).join(", "),
    figures: rest.slice(-figures),
  };
}

const FIGURES = 6;

/** One line, or undefined when it is no GPU but a message of the driver's. */
export function parseGpuLine(line: string): Gpu | undefined {
  const columns = splitGpuLine(line, FIGURES);
  if (!columns) return undefined;
  const { index, uuid, name } = columns;
  const [total, used, utilization, temperature, power, powerLimit] = columns.figures.map(figure);
  return {
    index,
    uuid,
    name,
    utilization_percent: utilization ?? null,
    memory_used_mib: used ?? null,
    memory_total_mib: total ?? null,
    temperature_c: temperature ?? null,
    power_w: power ?? null,
    power_limit_w: powerLimit ?? null,
  };
}
