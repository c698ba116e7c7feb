// The body of a request on Node as a web stream. Node's own stream hands out a copy of each piece that was read, and leaves
// the piece to the garbage collector: shared/one-use.ts says what that costs. And it hands out crumbs: here what has been
// read at one go comes together, up to the frame of a transfer, for each frame costs about the same.
import type { IncomingMessage } from "node:http";
import { free, oneUse } from "../shared/one-use.ts";
import { TRANSFER } from "../shared/protocol.ts";

/**
 * Nothing is read before it is asked for, and then once. Who cancels leaves the rest to the server, which lets the
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
  let [pieces, bytes]: [Uint8Array[], number] = [[], 0];
  let soon: NodeJS.Immediate | undefined;
  const handOut = () => {
    clearImmediate(soon);
    soon = undefined;
    if (bytes === 0) return;
    incoming.pause(); // before it is handed out: whoever waits for it may ask for the next at once
    const over = bytes > TRANSFER.chunkBytes ? pieces.pop() : undefined;
    if (pieces.length > 0) controller.enqueue(together(pieces));
    if (over) controller.enqueue(oneUse(over));
    [pieces, bytes] = [[], 0];
  };
  const take = (piece: Uint8Array) => {
    pieces.push(piece);
    bytes += piece.length;
    if (bytes >= TRANSFER.chunkBytes) incoming.pause();
    soon ??= setImmediate(handOut); // all that can be read now; and this piece the parser still looks at
  };
  const end = () => {
    handOut();
    leave();
    controller.close();
  };
  const fail = (error: unknown = incoming.errored) => {
    leave();
    controller.error(error ?? new Error("the client left before the end of its body"));
  };
  const gone = () => fail();
  const leave = () => {
    clearImmediate(soon);
    incoming.off("data", take).off("end", end).off("error", fail).off("close", gone);
  };
  if (incoming.readableEnded) controller.close();
  else if (incoming.destroyed) fail();
  else incoming.on("data", take).on("end", end).on("error", fail).on("close", gone);
  return leave;
}

/** In memory of their own; that of the pieces is given back. */
function together(pieces: readonly Uint8Array[]): Uint8Array {
  const [only, ...others] = pieces;
  if (only && others.length === 0) return oneUse(only);
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
    free(oneUse(piece));
  }
  return oneUse(bytes);
}
