// The socket of a transfer as the agent dials it. What a client sends is masked: one-use bytes where they lie, not in a copy.
import type { Socket } from "node:net";
import * as ws from "ws";
import { type ByteSocket, byteSocket, type RawSocket } from "../../shared/byte-socket.ts";
import { ToolError } from "../../shared/errors.ts";
import { freeReads } from "../../shared/freed-reads.ts";
import { free, isOneUse } from "../../shared/one-use.ts";
import { TRANSFER } from "../../shared/protocol.ts";

/** Of the package, which exports it; its types do not know. */
interface Framing {
  frame(
    bytes: Uint8Array,
    options: { fin: boolean; opcode: number; mask: boolean; readOnly: boolean; rsv1: boolean },
  ): Uint8Array[];
}
const { Sender } = ws as unknown as { readonly Sender: Framing };
const BINARY = 2;

export interface Dialled {
  readonly socket: ByteSocket;
  /** @throws ToolError when it cannot be opened */
  readonly opened: Promise<void>;
}

/** Listeners that are set at once miss nothing that comes right behind the handshake. */
export function dialTransfer(url: string, token: string): Dialled {
  const websocket = new ws.WebSocket(url, {
    headers: { authorization: `Bearer ${token}` },
    perMessageDeflate: false,
    maxPayload: TRANSFER.frameBytesMax,
    handshakeTimeout: TRANSFER.dialMs,
  });
  const { promise: opened, resolve, reject } = Promise.withResolvers<void>();
  let line: Socket | undefined;
  websocket.once("upgrade", ({ socket }) => {
    line = socket;
  });
  websocket.once("open", () => {
    if (line) freeReads(websocket, line);
    resolve();
  });
  websocket.once("error", (cause) =>
    reject(
      new ToolError("agent_error", `The machine could not dial for the file: ${cause.message}`, { cause }),
    ),
  );
  const socket = byteSocket(websocket as unknown as RawSocket);
  return {
    opened,
    socket: {
      ...socket,
      send(data) {
        const isOpen = websocket.readyState === ws.WebSocket.OPEN;
        if (line && isOpen && typeof data !== "string" && isOneUse(data)) sendMasked(line, data);
        else socket.send(data);
      },
    },
  };
}

function sendMasked(line: Socket, bytes: Uint8Array): void {
  const frame = Sender.frame(bytes, { fin: true, opcode: BINARY, mask: true, readOnly: false, rsv1: false });
  line.cork();
  for (const part of frame.slice(0, -1)) line.write(part);
  line.write(frame.at(-1) ?? bytes, (error) => error || free(bytes));
  line.uncork();
}
