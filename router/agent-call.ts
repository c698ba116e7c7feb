// One call to one machine, also when the line breaks under it.
import { ToolError } from "../shared/errors.ts";
import { type CallOptions, LinkLost } from "../shared/open-calls.ts";
import { DEFAULT_TIMEOUT_MS } from "../shared/protocol.ts";
import type { Connected, Hub } from "./hub.ts";
import { routerRestarting } from "./offline.ts";

/** How long a call whose line broke waits for the agent to come back: its first three tries take seven seconds. */
const RETURN_MS = 10_000;

/**
 * Calls a tool. When the line breaks, the same call is sent again to the same machine once it is back: what it has run
 * already under this `key` it does not run again.
 * @throws ToolError as thrown there; LinkLost when the machine did not come back
 */
export async function callAgent(
  hub: Hub,
  first: Connected,
  tool: string,
  input: unknown,
  options: CallOptions,
): Promise<unknown> {
  const deadlineMs = Date.now() + (options.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  let agent = first;
  for (;;) {
    try {
      return await agent.peer.call(tool, input, { ...options, timeoutMs: deadlineMs - Date.now() });
    } catch (thrown) {
      if (!(thrown instanceof LinkLost)) throw thrown;
      if (hub.isGoingAway) throw routerRestarting();
      const leftMs = Math.min(RETURN_MS, deadlineMs - Date.now());
      const back = hub.get(first.name) ?? (await hub.whenBack(first.name, leftMs, options.signal));
      if (options.signal?.aborted) throw new ToolError("cancelled", "The call was cancelled");
      // Another machine under the same name has not seen the first call.
      if (back?.hello.machine_id !== first.hello.machine_id) throw thrown;
      agent = back;
    }
  }
}
