// A Durable Object whose sockets outlive its memory. The runtime calls methods of the object, with the socket; each socket
// was accepted under the tag of its kind.
import { DurableObject } from "cloudflare:workers";

export interface SocketKind {
  message(socket: SleepingWebSocket, data: string | ArrayBuffer): void;
  closed(socket: SleepingWebSocket, code: number, reason: string): void;
}

/** How a socket is said to have ended that nobody closed: RFC 6455 §7.1.5. */
const ABNORMAL = 1006;

export abstract class SocketObject<Env> extends DurableObject<Env> {
  /** By tag. */
  protected abstract readonly kinds: Readonly<Record<string, SocketKind>>;

  #kindOf(socket: SleepingWebSocket): SocketKind | undefined {
    const [tag = ""] = this.ctx.getTags(socket);
    return this.kinds[tag];
  }

  webSocketMessage(socket: SleepingWebSocket, data: string | ArrayBuffer): void {
    this.#kindOf(socket)?.message(socket, data);
  }

  webSocketClose(socket: SleepingWebSocket, code: number, reason: string): void {
    this.#kindOf(socket)?.closed(socket, code, reason);
    // Of sockets that may sleep the runtime does not answer a close by itself: the other end would wait for it in vain.
    try {
      socket.close();
    } catch {
      // We closed it first.
    }
  }

  webSocketError(socket: SleepingWebSocket): void {
    this.#kindOf(socket)?.closed(socket, ABNORMAL, "");
  }
}
