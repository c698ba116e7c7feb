// The machine's side of a call in the log, under the id that the router gave it.
import { type EndedCall, logCall } from "../shared/call-line.ts";
import { toToolError } from "../shared/errors.ts";
import type { Log } from "../shared/log.ts";
import type { Serve } from "../shared/served-calls.ts";

/** What the router asks of its own accord (how are you?) is no call of anybody's, and leaves no line. */
export function logged(serve: Serve, machine: string, log: Log): Serve {
  return async (tool, input, context) => {
    const { request } = context;
    if (!request) return serve(tool, input, context);
    const began = performance.now();
    const ended = (outcome: EndedCall["outcome"]) =>
      logCall(log, {
        request_id: request.id,
        tool,
        machine,
        caller: request.caller,
        outcome,
        ms: performance.now() - began,
      });
    try {
      const output = await serve(tool, input, context);
      ended("ok");
      return output;
    } catch (thrown) {
      ended(toToolError(thrown).code);
      throw thrown;
    }
  };
}
