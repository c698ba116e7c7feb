// A WebSocket that carries bytes beside text: a browser's or Worker's, and that of the `ws` package.
import type { Closed } from "./link.ts";
import { free, oneUse } from "./one-use.ts";
import { CLOSE } from "./protocol.ts";
import { CLOSE_GRACE_MS, closeReason } from "./websocket-link.ts";

export interface ByteSocket {
  send(data: string | Uint8Array): void;
  /** Safe to call twice. */
  close(code?: number, reason?: string): void;
  /** Set once, before anything can have come. */
  onMessage(listener: (data: string | Uint8Array) => void): void;
  /** Called once, also when this end closed it. */
  onClose(listener: (closed: Closed) => void): void;
}

/** What ByteSocket needs of a WebSocket. */
export interface RawSocket {
  binaryType: string;
  /** @param hasLeft only `ws` calls it */
  send(data: string | Uint8Array, hasLeft?: (error?: Error) => void): void;
  close(code?: number, reason?: string): void;
  /** Drops the connection without waiting for the other end; only `ws` can. */
  terminate?(): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(
    type: "close",
    listener: (event: { readonly code: number; readonly reason: string }) => void,
  ): void;
  addEventListener(type: "error", listener: () => void): void;
}

export function byteSocket(socket: RawSocket): ByteSocket {
  let closed: Closed | undefined;
  const listeners: ((why: Closed) => void)[] = [];
  const tell = (why: Closed) => {
    for (const listener of listeners) listener(why);
  };
  const close = (code: number = CLOSE.normal, reason = "closed") => {
    if (closed) return;
    closed = { code, reason };
    socket.close(code, closeReason(reason));
    queueMicrotask(() => tell({ code, reason }));
    if (!socket.terminate) return;
    const drop = setTimeout(() => socket.terminate?.(), CLOSE_GRACE_MS);
    socket.addEventListener("close", () => clearTimeout(drop));
  };
  // `ws` hands out Buffers without a copy, under a name of its own; elsewhere the default may be Blob.
  if (socket.binaryType !== "nodebuffer") socket.binaryType = "arraybuffer";
  socket.addEventListener("close", ({ code, reason }) => {
    if (closed) return;
    closed = { code, reason: reason || `connection lost (${code})` };
    tell(closed);
  });
  socket.addEventListener("error", () => {}); // `close` follows and says the same
  return {
    send(data) {
      if (closed) return;
      if (typeof data === "string") socket.send(data);
      else socket.send(data, (error) => error || free(data));
    },
    close,
    onMessage(listener) {
      socket.addEventListener("message", ({ data }) => {
        const bytes = data instanceof ArrayBuffer ? oneUse(new Uint8Array(data)) : data;
        const isBytes = bytes instanceof Uint8Array;
        if (closed) {
          if (isBytes) free(bytes);
        } else if (isBytes || typeof bytes === "string") listener(bytes);
        else close(CLOSE.protocol_error, "protocol error: neither text nor bytes");
      });
    },
    onClose: (listener) => void listeners.push(listener),
  };
}
