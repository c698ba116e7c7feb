// A link takes one upload at a time. A newer request takes over from one whose client may be gone without our knowing; what
// is whole is unpacked to its end, whoever leaves, unless it is deleted.
import { ToolError } from "../../shared/errors.ts";

interface Running<T> {
  readonly controller: AbortController;
  readonly ended: Promise<T>;
}

/** An upload that is whole. */
export interface Finishing<Outcome> {
  /** All of it; of a form 0. */
  readonly bytes: number;
  readonly ended: Promise<Outcome>;
}

/** What is whole is being unpacked: nothing comes in meanwhile. */
export class Unpacking<Outcome> extends Error {
  readonly finishing: Finishing<Outcome>;

  constructor(finishing: Finishing<Outcome>) {
    super("an upload is being unpacked");
    this.finishing = finishing;
  }
}

const ENDING = new ToolError("agent_offline", "The agent is ending; go on when it is back");

/** Whether work was stopped because the agent ends: what has come is kept then, and gone on with. */
export const isEnding = ({ reason }: AbortSignal) => reason === ENDING;

export class UploadTurns<Outcome> {
  /** Bytes that are coming in, by link. */
  readonly #receiving = new Map<string, Running<unknown>>();
  /** Uploads that are whole and being unpacked, by link. */
  readonly #finishing = new Map<string, Running<Outcome> & Finishing<Outcome>>();
  readonly #closing = new AbortController();

  /**
   * Runs `work` when what came in before on this link has stopped, which it is made to.
   * @throws Unpacking at once, before `work`; ToolError agent_offline when the agent ends
   */
  async take<T>(link: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    for (let before = this.#receiving.get(link); before; before = this.#receiving.get(link)) {
      before.controller.abort(new ToolError("conflict", "A newer request has taken over this upload"));
      await before.ended.catch(() => {}); // its own client heard of it
    }
    const finishing = this.#finishing.get(link);
    if (finishing) throw new Unpacking(finishing);
    this.#closing.signal.throwIfAborted();
    const running = this.#begin(work);
    this.#receiving.set(link, running);
    try {
      return await running.ended;
    } finally {
      if (this.#receiving.get(link) === running) this.#receiving.delete(link);
    }
  }

  /** Runs `work` in a turn, unless somebody is at this link. */
  async ifIdle(link: string, work: () => Promise<void>): Promise<void> {
    if (!this.#receiving.has(link) && !this.#finishing.has(link)) await this.take(link, work);
  }

  /** Unpacks what is whole; to be called in the turn that found it so, which nobody can take over from any more. */
  finish(link: string, bytes: number, work: (signal: AbortSignal) => Promise<Outcome>): Finishing<Outcome> {
    const running = this.#begin((signal) => work(signal).finally(() => this.#finishing.delete(link)));
    running.ended.catch(() => {}); // whoever waits for it hears of it
    const finishing = { bytes, ...running };
    this.#finishing.set(link, finishing);
    return finishing;
  }

  #begin<T>(work: (signal: AbortSignal) => Promise<T>): Running<T> {
    const controller = new AbortController();
    return { controller, ended: work(AbortSignal.any([controller.signal, this.#closing.signal])) };
  }

  finishing(link: string): Finishing<Outcome> | undefined {
    return this.#finishing.get(link);
  }

  /** Stops the unpacking, if it can still be stopped. */
  giveUp(link: string, why: ToolError): void {
    this.#finishing.get(link)?.controller.abort(why);
  }

  /** Stops what is coming in; unpacking is given up, and begins anew when an agent is back. */
  async close(): Promise<void> {
    this.#closing.abort(ENDING);
    await Promise.allSettled([...this.#receiving.values()].map(({ ended }) => ended));
    await Promise.allSettled([...this.#finishing.values()].map(({ ended }) => ended));
  }
}
