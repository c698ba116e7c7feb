// Structured logs on stderr: stdout belongs to MCP in stdio mode.
import { pino } from "pino";
import type { Log } from "../shared/log.ts";
import type { LogLevel } from "./serve-options.ts";

export function createLog(level: LogLevel): Log {
  return pino(
    { level, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: true }),
  );
}
