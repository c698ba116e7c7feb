// The one line that a call leaves in the log, on the router and on the machine. Never what was in it.
import type { ErrorCode } from "./errors.ts";
import type { Log } from "./log.ts";
import { contractOf } from "./tools/index.ts";

export interface EndedCall {
  readonly request_id: string | undefined;
  readonly tool: string;
  readonly machine: string | undefined;
  /** A token's label, "owner's token", an issuer's subject. */
  readonly caller: string | undefined;
  readonly caller_id?: string;
  readonly outcome: "ok" | ErrorCode;
  readonly ms: number;
}

/** Looks are told at debug, for clients poll; changes at info; what failed always. */
export function logCall(log: Log, call: EndedCall): void {
  const line = { ...call, ms: Math.round(call.ms) };
  if (call.outcome === "internal") log.error(line, "call failed");
  else if (call.outcome !== "ok") log.warn(line, "call failed");
  else if (contractOf(call.tool)?.effect === "read") log.debug(line, "call");
  else log.info(line, "call");
}
