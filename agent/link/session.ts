// One link to the router, from the first byte to its end.
import { WebSocket } from "ws";
import { Peer } from "../../shared/peer.ts";
import { CLOSE, FRAME_BYTES_MAX, GREETING_MS, HEARTBEATS_MISSED, type Hello } from "../../shared/protocol.ts";
import type { ServeOptions } from "../../shared/served-calls.ts";
import { websocketLink } from "../../shared/websocket-link.ts";

export interface SessionOptions extends ServeOptions {
  readonly url: URL;
  readonly token: string;
  readonly hello: Omit<Hello, "limits"> & { readonly heartbeat_ms: number };
  /** The router has taken us in. @param name under which it knows us */
  readonly onWelcome: (name: string, peer: Peer) => void;
  readonly onGoAway: (reason: string) => void;
}

export type Ending =
  /** Nobody there, or no TLS, or no route. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** An HTTP answer instead of a WebSocket. */
  | { readonly kind: "refused"; readonly status: number }
  /** `heldMs`: since the welcome; 0 without one. */
  | { readonly kind: "closed"; readonly code: number; readonly reason: string; readonly heldMs: number };

/** Resolves when the link has ended. @param signal gives up a link that is not open yet */
export async function session(options: SessionOptions, signal: AbortSignal): Promise<Ending> {
  const socket = new WebSocket(options.url, {
    headers: { authorization: `Bearer ${options.token}` },
    perMessageDeflate: false,
    maxPayload: FRAME_BYTES_MAX,
    handshakeTimeout: GREETING_MS,
  });
  const failed = await opened(socket, signal);
  return failed ?? (await held(socket, options));
}

function opened(socket: WebSocket, signal: AbortSignal): Promise<Ending | undefined> {
  return new Promise((resolve) => {
    const giveUp = () => socket.terminate();
    signal.addEventListener("abort", giveUp, { once: true });
    const settle = (ending: Ending | undefined) => {
      signal.removeEventListener("abort", giveUp);
      resolve(ending);
    };
    socket.once("open", () => settle(undefined));
    socket.once("unexpected-response", (request, { statusCode = 0 }) => {
      request.destroy();
      settle({ kind: "refused", status: statusCode });
    });
    socket.on("error", (error) => settle({ kind: "unreachable", reason: error.message }));
    if (signal.aborted) giveUp();
  });
}

function held(socket: WebSocket, options: SessionOptions): Promise<Ending> {
  const { hello } = options;
  const silentMs = hello.heartbeat_ms * HEARTBEATS_MISSED;
  const link = websocketLink(socket);
  let welcomedAt: number | undefined;
  const peer = new Peer(link, {
    ...options,
    silentMs,
    onWelcome: ({ name }) => {
      clearTimeout(greeting);
      welcomedAt = performance.now();
      options.onWelcome(name, peer);
    },
  });
  const greeting = setTimeout(
    () => peer.close(CLOSE.silent, "the router did not answer our hello"),
    GREETING_MS,
  );
  const heartbeat = setInterval(() => {
    if (peer.silenceMs > silentMs) peer.close(CLOSE.silent, "nothing was heard from the router for too long");
    else peer.ping();
  }, hello.heartbeat_ms);
  return new Promise((resolve) => {
    link.onClose(({ code, reason }) => {
      clearTimeout(greeting);
      clearInterval(heartbeat);
      const heldMs = welcomedAt === undefined ? 0 : performance.now() - welcomedAt;
      resolve({ kind: "closed", code, reason, heldMs });
    });
    peer.hello({ ...hello, limits: peer.limits });
  });
}
