// A pipe for messages. A WebSocket is one (websocket-link.ts); linkPair() is one inside a process.
import { CLOSE, FRAME_BYTES_MAX_IN_PROCESS } from "./protocol.ts";

export interface Closed {
  /** A WebSocket close code; see CLOSE in protocol.ts. */
  readonly code: number;
  readonly reason: string;
}

export interface Link {
  /** Longest frame it carries. */
  readonly frameBytesMax: number;
  /** Bytes that were sent and have not left this machine; 0 where nobody can tell. */
  readonly waitingBytes: number;
  /** When the runtime last answered a ping in our stead (Workers), in milliseconds of Date.now(). */
  readonly heardAtMs?: number | undefined;
  send(text: string): void;
  /** Ends the link; the other end learns why. Safe to call twice. */
  close(code?: number, reason?: string): void;
  onMessage(listener: (text: string) => void): void;
  /** Called once, also when this end closed it. */
  onClose(listener: (closed: Closed) => void): void;
}

class PairedLink implements Link {
  readonly frameBytesMax = FRAME_BYTES_MAX_IN_PROCESS;
  readonly waitingBytes = 0;
  #other: PairedLink | undefined;
  #closed: Closed | undefined;
  readonly #message: ((text: string) => void)[] = [];
  readonly #close: ((closed: Closed) => void)[] = [];

  join(other: PairedLink): void {
    this.#other = other;
  }

  send(text: string): void {
    const other = this.#other;
    if (this.#closed !== undefined || !other) return;
    // Later, as on a wire: the sender's stack must not run the receiver's code.
    queueMicrotask(() => other.#receive(text));
  }

  #receive(text: string): void {
    if (this.#closed === undefined) for (const listener of this.#message) listener(text);
  }

  close(code: number = CLOSE.normal, reason = "closed"): void {
    if (this.#closed !== undefined) return;
    this.#closed = { code, reason };
    const other = this.#other;
    queueMicrotask(() => {
      for (const listener of this.#close) listener({ code, reason });
      other?.close(code, reason);
    });
  }

  onMessage(listener: (text: string) => void): void {
    this.#message.push(listener);
  }

  onClose(listener: (closed: Closed) => void): void {
    this.#close.push(listener);
  }
}

/** Both ends of a link within one process. Messages are text, so what a wire would lose is lost here, too. */
export function linkPair(): [Link, Link] {
  const a = new PairedLink();
  const b = new PairedLink();
  a.join(b);
  b.join(a);
  return [a, b];
}
