// A backend whose every call is counted, and leaves a line in the log under the id of the request that it came with.
import { type EndedCall, logCall } from "../shared/call-line.ts";
import { ToolError, toToolError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import type { Caller } from "./auth/caller.ts";
import type { Backend } from "./backend.ts";
import type { CallMetrics } from "./call-metrics.ts";

export interface Observer {
  readonly caller: Caller;
  readonly requestId: () => string;
  readonly calls?: CallMetrics;
  readonly log: Log;
}

export function observed(backend: Backend, { caller, requestId, calls, log }: Observer): Backend {
  return {
    tools: () => backend.tools(),
    hasTool: (name) => backend.hasTool(name),
    health: () => backend.health(),
    machines: () => backend.machines?.() ?? [],
    async call(tool, args, options) {
      const id = requestId();
      const began = performance.now();
      let machine: string | undefined;
      calls?.began();
      const ended = (outcome: EndedCall["outcome"]) => {
        const ms = performance.now() - began;
        calls?.ended({ tool, outcome, ms });
        const { id: caller_id, label } = caller;
        logCall(log, { request_id: id, tool, machine, caller: label, caller_id, outcome, ms });
      };
      try {
        const answer = await backend.call(tool, args, {
          ...options,
          request: { id, caller: caller.label.slice(0, CALLER_CHARS_MAX) },
          callerId: caller.id,
          onMachine: (name) => {
            machine = name;
          },
        });
        ended("ok");
        return answer;
      } catch (thrown) {
        const error = toToolError(thrown);
        if (isBug(thrown)) log.error({ err: thrown, request_id: id, tool }, "a bug in this router");
        ended(error.code);
        throw error.code === "internal" ? named(error, id) : thrown;
      }
    },
  };
}

/** What a frame carries of it; an issuer may give its subjects names of any length. */
const CALLER_CHARS_MAX = 200;

/** The machine has told its own log of what went wrong there. */
export function isBug(thrown: unknown): boolean {
  return !(thrown instanceof ToolError) && toToolError(thrown).code === "internal";
}

/** The caller learns nothing of a bug but where its details are. */
export function named(error: ToolError, requestId: string): ToolError {
  const { code, message, body, cause } = error;
  return new ToolError(code, message, {
    body,
    cause,
    hint: `The log has them under request_id ${requestId}`,
  });
}
