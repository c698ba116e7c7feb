// How much of the trainers' logs is kept, and for how long.
import type { Command } from "commander";
import { type Environment, envOption, numberOf } from "./option-values.ts";
import type { LogLimits } from "./tools/training/log-limits.ts";

export interface LogFlags {
  logMaxMb?: string;
  logDays?: string;
  logTotalGb?: string;
}

const MAX_MB = 200;
const DAYS = 90;
const TOTAL_GB = 10;

export function withLogFlags(command: Command): Command {
  return command
    .addOption(
      envOption(
        "--log-max-mb <megabytes>",
        "MCP_AI_TOOLKIT_LOG_MAX_MB",
        `how large a job's log may grow; beyond, its middle is left out [default: ${MAX_MB}]`,
      ),
    )
    .addOption(
      envOption(
        "--log-days <days>",
        "MCP_AI_TOOLKIT_LOG_DAYS",
        `how long an ended job's log is kept; its record stays for ever [default: ${DAYS}]`,
      ),
    )
    .addOption(
      envOption(
        "--log-total-gb <gigabytes>",
        "MCP_AI_TOOLKIT_LOG_TOTAL_GB",
        `what all logs may take together; beyond, those of the jobs that ended first go [default: ${TOTAL_GB}]`,
      ),
    );
}

/** @throws UsageError */
export function logLimits({ logMaxMb, logDays, logTotalGb }: LogFlags, env: Environment): LogLimits {
  const maxMb = logMaxMb ?? env["MCP_AI_TOOLKIT_LOG_MAX_MB"] ?? String(MAX_MB);
  const days = logDays ?? env["MCP_AI_TOOLKIT_LOG_DAYS"] ?? String(DAYS);
  const totalGb = logTotalGb ?? env["MCP_AI_TOOLKIT_LOG_TOTAL_GB"] ?? String(TOTAL_GB);
  return {
    maxBytes: Math.floor(numberOf("--log-max-mb", maxMb, "megabytes", 1, 1_000_000) * 1024 ** 2),
    keepDays: numberOf("--log-days", days, "days", 0, 100_000),
    totalBytes: Math.floor(numberOf("--log-total-gb", totalGb, "gigabytes", 0, 1_000_000) * 1024 ** 3),
  };
}
