// Structured logs on Workers: one JSON object a line, which Workers Logs takes apart. The fields are those of the Node side.
import type { Log } from "../shared/log.ts";

/** JSON would make `{}` of an error. */
function plain(_key: string, value: unknown): unknown {
  return value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : value;
}

export function workerLog(): Log {
  const line = (fields: object, msg: string) => JSON.stringify({ ...fields, msg }, plain);
  return {
    debug() {}, // each line is paid for
    info: (fields, message) => console.log(line(fields, message)),
    warn: (fields, message) => console.warn(line(fields, message)),
    error: (fields, message) => console.error(line(fields, message)),
  };
}
