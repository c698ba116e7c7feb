// How a request becomes the socket of a transfer on Workers. It need not outlive the object's memory, as machines' sockets
// do: there is a request that waits for its bytes, and with it the object stays awake.
import { byteSocket, type RawSocket } from "../shared/byte-socket.ts";
import { free } from "../shared/one-use.ts";
import type { TransferDoor } from "./agent-door.ts";

/**
 * An object has 128 MB for all of its transfers, both ways, and can neither stop what comes in nor see what has left. At
 * 50 ms there and back this carries 50 to 80 MB/s.
 */
export const WINDOW_BYTES = 4 * 1024 * 1024;

export const acceptTransfer: TransferDoor["accept"] = async (_c, take) => {
  const { 0: theirs, 1: ours } = new WebSocketPair();
  ours.accept();
  const socket = byteSocket(ours as unknown as RawSocket); // the standard type of `send` does not take every Uint8Array
  take({
    ...socket,
    send(data) {
      socket.send(data);
      if (typeof data !== "string") free(data); // the runtime holds what it has not sent yet
    },
  });
  return new Response(null, { status: 101, webSocket: theirs });
};
