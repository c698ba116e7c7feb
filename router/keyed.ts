// A back end for one request that came with an Idempotency-Key: whatever it changes is changed once, even if the client
// sends the request again because it has not heard the answer.
import { invalid } from "../shared/errors.ts";
import { digest } from "./auth/digest.ts";
import type { Backend } from "./backend.ts";

/** Printable ASCII, as draft-ietf-httpapi-idempotency-key-header has it; long enough for two UUIDs. */
const KEY = /^[\x21-\x7e]{1,100}$/;

/**
 * @param callerId keys of different callers never meet
 * @throws ToolError invalid_input
 */
export function keyed(backend: Backend, callerId: string, key: string): Backend {
  if (!KEY.test(key)) throw invalid("Idempotency-Key must have 1 to 100 printable characters and no blanks");
  let calls = 0; // a batch has several, in an order that does not change
  // Not cut to length: an issuer's subjects may differ at the end of long names alone.
  const owner = digest(callerId);
  return {
    tools: () => backend.tools(),
    hasTool: (name) => backend.hasTool(name),
    health: () => backend.health(),
    machines: () => backend.machines?.() ?? [],
    async call(tool, args, options) {
      const place = calls++;
      // A call that is made beside the client's own, to answer that better, says itself that it has no key.
      return await backend.call(tool, args, { key: `${await owner} ${key} ${place}`, ...options });
    },
  };
}
