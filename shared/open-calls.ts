// The calls one end of a link has made and that have no answer yet.
import { CallerShares } from "./caller-shares.ts";
import type { CallRequest, Progress } from "./contract.ts";
import { fromWire, ToolError, type WireError } from "./errors.ts";
import type { Closed } from "./link.ts";
import { DEFAULT_TIMEOUT_MS, OUTSTANDING_BYTES_MAX } from "./protocol.ts";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** The other end never runs the same key twice, and answers a repeated call with the first one's answer. */
  readonly key?: string | undefined;
  readonly request?: CallRequest | undefined;
  /** Of whose share of the link's room it takes; undefined: what this end asks of its own accord. */
  readonly callerId?: string | undefined;
  /** Told how long the answer was on the wire. */
  readonly onAnswerChars?: ((chars: number) => void) | undefined;
}

/** The link ended before the answer came: whether the call was run is not known. */
export class LinkLost extends ToolError {
  readonly closed: Closed;
  constructor(closed: Closed) {
    super("agent_offline", `The training machine is not connected (${closed.reason})`, {
      hint: "The training itself goes on; try again when the agent is back",
    });
    this.closed = closed;
  }
}

export const tooManyCalls = () =>
  new ToolError("overloaded", "Too many calls at once; try again in a moment");

interface OpenCall {
  readonly resolve: (output: unknown, chars: number) => void;
  readonly reject: (error: ToolError) => void;
  readonly onProgress: CallOptions["onProgress"];
}

export class OpenCalls {
  readonly #open = new Map<number, OpenCall>();
  readonly #shares = new CallerShares();
  /** Anywhere: an end that has slept (Workers) knows nothing of calls that the other end may still be at. */
  #nextId = 1 + Math.floor(Math.random() * 2 ** 40);
  #bytes = 0;

  get size(): number {
    return this.#open.size;
  }

  /**
   * @param send sends the call under its new id, and says how long the frame was
   * @param cancel tells the other end that nobody waits any more
   */
  start(
    tool: string,
    { signal, timeoutMs = DEFAULT_TIMEOUT_MS, onProgress, callerId, onAnswerChars }: CallOptions,
    send: (id: number, timeoutMs: number) => number,
    cancel: (id: number) => void,
  ): Promise<unknown> {
    if (signal?.aborted) return Promise.reject(new ToolError("cancelled", "The call was cancelled"));
    if (this.#bytes > OUTSTANDING_BYTES_MAX) return Promise.reject(tooManyCalls());
    const refusal = callerId === undefined ? undefined : this.#shares.refusal(callerId);
    if (refusal) return Promise.reject(refusal);
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      let bytes = 0;
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#bytes -= bytes;
        this.#open.delete(id);
      };
      const call: OpenCall = {
        onProgress,
        resolve: (output, chars) => {
          settle();
          onAnswerChars?.(chars);
          resolve(output);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const giveUp = (error: ToolError) => {
        cancel(id);
        call.reject(error);
      };
      const timer = setTimeout(
        () => giveUp(new ToolError("timeout", `${tool} did not answer within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      const onAbort = () => giveUp(new ToolError("cancelled", "The call was cancelled"));
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#open.set(id, call);
      try {
        bytes = send(id, timeoutMs);
        this.#bytes += bytes;
        if (callerId !== undefined) this.#shares.take(id, callerId, bytes);
      } catch (thrown) {
        settle(); // too large for a frame
        reject(thrown);
      }
    });
  }

  // An answer to a call that was given up in the meantime finds nobody; that is how late answers are dropped.
  resolve(id: number, output: unknown, chars: number): void {
    this.#shares.giveBack(id);
    this.#open.get(id)?.resolve(output, chars);
  }

  reject(id: number, error: WireError): void {
    this.#shares.giveBack(id);
    this.#open.get(id)?.reject(fromWire(error));
  }

  progress(id: number, progress: Progress): void {
    this.#open.get(id)?.onProgress?.(progress);
  }

  /** Nothing else would ever settle these. */
  end(closed: Closed): void {
    for (const call of [...this.#open.values()]) call.reject(new LinkLost(closed));
  }
}
