// A pipe for messages. A WebSocket is one; linkPair() is one inside a process.

export interface Link {
  send(text: string): void;
  /** Ends the link; the other end learns the reason. Safe to call twice. */
  close(reason?: string): void;
  onMessage(listener: (text: string) => void): void;
  /** Called once, also when this end closed it. */
  onClose(listener: (reason: string) => void): void;
}

class PairedLink implements Link {
  #other: PairedLink | undefined;
  #closed: string | undefined;
  readonly #message: ((text: string) => void)[] = [];
  readonly #close: ((reason: string) => void)[] = [];

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

  close(reason = "closed"): void {
    if (this.#closed !== undefined) return;
    this.#closed = reason;
    const other = this.#other;
    queueMicrotask(() => {
      for (const listener of this.#close) listener(reason);
      other?.close(reason);
    });
  }

  onMessage(listener: (text: string) => void): void {
    this.#message.push(listener);
  }

  onClose(listener: (reason: string) => void): void {
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
