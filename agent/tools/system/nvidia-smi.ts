// The lines of `nvidia-smi --query-gpu=… --format=csv,noheader,nounits` → GPUs.
import type { Gpu, Throttling } from "../../../shared/tools/system.ts";

const COLUMNS =
  "index,uuid,name,memory.total,memory.used,utilization.gpu,temperature.gpu,power.draw,power.limit";

/**
 * What to ask for, the best first. Driver 535 renamed the last field, and an nvidia-smi that is asked for a field it
 * does not know refuses all of them.
 */
export const QUERIES = [
  `${COLUMNS},clocks_event_reasons.active`,
  `${COLUMNS},clocks_throttle_reasons.active`,
  COLUMNS,
] as const;

/** `Field "clocks_event_reasons.active" is not a valid field to query.` */
export const isUnknownField = (said: string) => said.includes("is not a valid field to query");

export const QUERY_FORMAT = "--format=csv,noheader,nounits";

/**
 * Why a GPU runs slower than it could: bits of `nvmlClocksEventReasons` in nvml.h. The others (idle, clocks somebody
 * has set, display) are no trouble.
 */
const REASONS: readonly (readonly [bit: number, reason: Throttling])[] = [
  [0x04, "power_cap"],
  [0x08, "hardware"],
  [0x20, "thermal"],
  [0x40, "thermal"],
  [0x80, "power_brake"],
];

export function throttlingOf(mask: number): Throttling[] {
  return [...new Set(REASONS.filter(([bit]) => (mask & bit) !== 0).map(([, reason]) => reason))];
}

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

export interface GpuLine extends Omit<Gpu, "throttling"> {
  /** Bits of the reasons for slower clocks; null where the driver does not tell. */
  readonly reasons: number | null;
}

/** One line, or undefined when it is no GPU but a message of the driver's. `reasons`: were they asked for? */
export function parseGpuLine(line: string, reasons = false): GpuLine | undefined {
  const columns = (reasons ? splitGpuLine(line, FIGURES + 1) : undefined) ?? splitGpuLine(line, FIGURES);
  if (!columns) return undefined;
  const mask = columns.figures[FIGURES] ?? "";
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
    reasons: /^0x[0-9a-f]{1,16}$/i.test(mask) ? Number(mask) & 0xff : null,
  };
}
