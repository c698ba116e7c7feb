// A back end for one request that came with an Idempotency-Key: whatever it changes is changed once, even if the client
// sends the request again because it has not heard the answer.
import { invalid } from "../shared/errors.ts";
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
  return {
    tools: () => backend.tools(),
    hasTool: (name) => backend.hasTool(name),
    health: () => backend.health(),
    machines: () => backend.machines?.() ?? [],
    call: (tool, args, options) =>
      backend.call(tool, args, { ...options, key: `${callerId.slice(0, 100)} ${key} ${calls++}` }),
  };
}
