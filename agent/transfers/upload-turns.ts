// A link takes one upload at a time. A newer request takes over from one whose client may be gone without our knowing; what
// is whole is unpacked to its end, whoever leaves.
import { ToolError } from "../../shared/errors.ts";

interface Running {
  readonly controller: AbortController;
  readonly ended: Promise<unknown>;
}

export class UploadTurns<Outcome> {
  /** Bytes that are coming in, by link. */
  readonly #receiving = new Map<string, Running>();
  /** Uploads that are whole and being unpacked, by link. */
  readonly #finishing = new Map<string, Promise<Outcome>>();
  readonly #closing = new AbortController();

  /** Runs `work` when what came before on this link has stopped, which receiving is made to. */
  async take<T>(link: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let before = this.#receiving.get(link); before; before = this.#receiving.get(link)) {
      before.controller.abort(new ToolError("conflict", "A newer request has taken over this upload"));
      await before.ended.catch(() => {}); // its own client heard of it
    }
    const finishing = this.#finishing.get(link);
    if (finishing) await finishing.catch(() => {}); // likewise
    const controller = new AbortController();
    const working = work(AbortSignal.any([controller.signal, this.#closing.signal]));
    const running = { controller, ended: working };
    this.#receiving.set(link, running);
    try {
      return await working;
    } finally {
      if (this.#receiving.get(link) === running) this.#receiving.delete(link);
    }
  }

  /** Unpacks what is whole; whoever asks meanwhile waits for the same. */
  finish(link: string, work: (signal: AbortSignal) => Promise<Outcome>): Promise<Outcome> {
    const running = this.#finishing.get(link);
    if (running) return running;
    const finishing = work(this.#closing.signal).finally(() => this.#finishing.delete(link));
    this.#finishing.set(link, finishing);
    return finishing;
  }

  isFinishing(link: string): boolean {
    return this.#finishing.has(link);
  }

  isReceiving(link: string): boolean {
    return this.#receiving.has(link);
  }

  /** Stops what is coming in; unpacking is given up, and begins anew when an agent is back. */
  async close(): Promise<void> {
    this.#closing.abort(new ToolError("agent_offline", "The agent is ending; go on when it is back"));
    await Promise.allSettled([...this.#receiving.values()].map(({ ended }) => ended));
    await Promise.allSettled(this.#finishing.values());
  }
}
