// A WebSocket as a Link: a browser's or Worker's, and that of the `ws` package, which has the same face.
import type { Closed, Link } from "./link.ts";
import { CLOSE, FRAME_BYTES_MAX } from "./protocol.ts";

export interface Socket {
  readonly bufferedAmount?: number;
  /** See Link. */
  readonly heardAtMs?: number | undefined;
  send(text: string): void;
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

/** How long the other end may take to answer our close before the connection is dropped. */
export const CLOSE_GRACE_MS = 3_000;
/** RFC 6455 §5.5: a close frame holds 125 bytes, two of them the code. */
const REASON_MAX = 123;

/** A reason as a close frame can carry it. */
export const closeReason = (reason: string) => reason.replace(/[^\x20-\x7e]/g, "?").slice(0, REASON_MAX);

export function websocketLink(socket: Socket): Link {
  const onMessage: ((text: string) => void)[] = [];
  const onClose: ((closed: Closed) => void)[] = [];
  let closed: Closed | undefined;

  const tell = (why: Closed) => {
    for (const listener of onClose) listener(why);
  };
  const close = (code: number = CLOSE.normal, reason = "closed") => {
    if (closed) return;
    closed = { code, reason };
    socket.close(code, closeReason(reason));
    // Without waiting for the other end: on a dead line no answer will ever come.
    queueMicrotask(() => tell({ code, reason }));
    if (!socket.terminate) return;
    const drop = setTimeout(() => socket.terminate?.(), CLOSE_GRACE_MS);
    socket.addEventListener("close", () => clearTimeout(drop));
  };
  socket.addEventListener("message", ({ data }) => {
    if (closed) return;
    if (typeof data !== "string") return close(CLOSE.protocol_error, "protocol error: not a text frame");
    for (const listener of onMessage) listener(data);
  });
  socket.addEventListener("close", ({ code, reason }) => {
    if (closed) return;
    closed = { code, reason: reason || `connection lost (${code})` };
    tell(closed);
  });
  socket.addEventListener("error", () => {}); // `close` follows and says the same

  return {
    frameBytesMax: FRAME_BYTES_MAX,
    get waitingBytes() {
      return socket.bufferedAmount ?? 0;
    },
    get heardAtMs() {
      return socket.heardAtMs;
    },
    send(text) {
      if (!closed) socket.send(text);
    },
    close,
    onMessage: (listener) => void onMessage.push(listener),
    onClose: (listener) => void onClose.push(listener),
  };
}
