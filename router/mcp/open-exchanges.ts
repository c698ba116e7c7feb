// What other requests may reach of those that are being answered: a cancellation, and the answer to a question of ours.
import type { JSONRPCMessage, RequestId } from "@modelcontextprotocol/server";

type Listener = (answer: JSONRPCMessage) => void;

export class OpenExchanges {
  readonly #running = new Map<string, () => void>();
  readonly #questions = new Map<string, Listener>();

  /** @returns what takes it off the list again */
  running(owner: string, id: RequestId, cancel: () => void): () => void {
    const key = keyOf(owner, id);
    this.#running.set(key, cancel);
    return () => {
      if (this.#running.get(key) === cancel) this.#running.delete(key);
    };
  }

  /** Without effect when it is over, or never was. */
  cancel(owner: string, id: unknown): void {
    this.#running.get(keyOf(owner, id))?.();
  }

  asked(wireId: string, listener: Listener): void {
    this.#questions.set(wireId, listener);
  }

  forget(wireId: string): void {
    this.#questions.delete(wireId);
  }

  /** Hands an answer to who asked. An answer to nothing finds nobody. */
  answered(answer: { readonly id: unknown } & JSONRPCMessage): void {
    if (typeof answer.id !== "string") return;
    const listener = this.#questions.get(answer.id);
    this.#questions.delete(answer.id);
    listener?.(answer);
  }
}

const keyOf = (owner: string, id: unknown) => `${JSON.stringify(id)} of ${owner}`;
