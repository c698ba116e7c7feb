// The bytes of a request as they arrive, until somebody says stop.
import { ToolError } from "../../shared/errors.ts";

/**
 * Who does not take all of them has the rest cancelled.
 * @throws the signal's reason, also while bytes are awaited; ToolError cancelled when the client has left
 */
export async function* arriving(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  const stop = () => void reader.cancel(signal.reason).catch(() => {}); // it may have broken by itself
  signal.addEventListener("abort", stop, { once: true });
  try {
    for (;;) {
      signal.throwIfAborted();
      const { value, done } = await reader.read().catch(cutOff);
      signal.throwIfAborted();
      if (done) return;
      yield value;
    }
  } finally {
    signal.removeEventListener("abort", stop);
    stop();
  }
}

/** No bug, and mostly heard by nobody. */
function cutOff(cause: unknown): never {
  throw new ToolError("cancelled", "The upload was cut off on its way here", {
    hint: "Send it again; in parts it goes on where it stopped",
    cause,
  });
}
