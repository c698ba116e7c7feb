// The body of a request on Node as a web stream, of the very pieces that were read. Node's own stream hands out a copy of
// each, and leaves the piece to the garbage collector: shared/one-use.ts says what that costs.
import type { IncomingMessage } from "node:http";
import { oneUse } from "../shared/one-use.ts";

/**
 * Nothing is read before it is asked for, and then one piece. Who cancels leaves the rest to the server, which lets the
 * client hear its answer before it cuts the connection: destroying the message would cut it at once.
 */
export function bodyOf(incoming: IncomingMessage): ReadableStream<Uint8Array> {
  let leave: (() => void) | undefined;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        leave ??= follow(incoming, controller);
        incoming.resume();
      },
      cancel() {
        leave?.();
        if (leave) incoming.pause();
      },
    },
    { highWaterMark: 0 },
  );
}

/** @returns what takes the listeners off again */
function follow(
  incoming: IncomingMessage,
  controller: ReadableStreamDefaultController<Uint8Array>,
): () => void {
  const take = (piece: Uint8Array) => {
    incoming.pause(); // before the piece is handed out: whoever waits for it may ask for the next at once
    controller.enqueue(oneUse(piece));
  };
  const end = () => {
    leave();
    controller.close();
  };
  const fail = (error: unknown = incoming.errored) => {
    leave();
    controller.error(error ?? new Error("the client left before the end of its body"));
  };
  const gone = () => fail();
  const leave = () => {
    incoming.off("data", take).off("end", end).off("error", fail).off("close", gone);
  };
  if (incoming.readableEnded) controller.close();
  else if (incoming.destroyed) fail();
  else incoming.on("data", take).on("end", end).on("error", fail).on("close", gone);
  return leave;
}
