// One end of the protocol on a Link: make calls, serve calls, cancel, and give up at the deadline.
import type { CallContext, Progress } from "./contract.ts";
import { fromWire, ToolError, toToolError, toWire } from "./errors.ts";
import type { Link } from "./link.ts";
import { DEFAULT_TIMEOUT_MS, decode, encode, type Frame, type FrameOf, MAX_OPEN_CALLS } from "./protocol.ts";

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** Runs a call that came in. What it throws becomes an error frame. */
export type Serve = (tool: string, input: unknown, context: CallContext) => Promise<unknown>;

export interface PeerOptions {
  readonly serve?: Serve | undefined;
  readonly onHello?: ((hello: FrameOf<"hello">) => void) | undefined;
  /** Bugs of a handler; the other side only hears "internal". */
  readonly onBug?: ((thrown: unknown, tool: string) => void) | undefined;
}

interface OpenCall {
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: ToolError) => void;
  readonly onProgress: CallOptions["onProgress"];
}

export class Peer {
  readonly #link: Link;
  readonly #options: PeerOptions;
  readonly #open = new Map<number, OpenCall>();
  readonly #serving = new Map<number, AbortController>();
  #nextId = 1;
  #closed: string | undefined;

  constructor(link: Link, options: PeerOptions = {}) {
    this.#link = link;
    this.#options = options;
    link.onMessage((text) => this.#receive(text));
    link.onClose((reason) => this.#ended(reason));
  }

  hello(hello: Omit<FrameOf<"hello">, "t">): void {
    this.#send({ t: "hello", ...hello });
  }

  close(reason?: string): void {
    this.#link.close(reason);
  }

  /**
   * Calls a tool at the other end.
   * @throws ToolError as thrown there; timeout, cancelled, overloaded or agent_offline from here
   */
  call(
    tool: string,
    input: unknown,
    { signal, timeoutMs = DEFAULT_TIMEOUT_MS, onProgress }: CallOptions = {},
  ): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#offline(this.#closed));
    if (signal?.aborted) return Promise.reject(new ToolError("cancelled", "The call was cancelled"));
    if (this.#open.size >= MAX_OPEN_CALLS) {
      return Promise.reject(new ToolError("overloaded", "Too many calls at once; try again in a moment"));
    }
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      const giveUp = (error: ToolError) => {
        this.#send({ t: "cancel", id });
        call.reject(error);
      };
      const timer = setTimeout(
        () => giveUp(new ToolError("timeout", `${tool} did not answer within ${timeoutMs / 1000} s`)),
        timeoutMs,
      );
      const onAbort = () => giveUp(new ToolError("cancelled", "The call was cancelled"));
      const settle = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#open.delete(id);
      };
      const call: OpenCall = {
        onProgress,
        resolve: (output) => {
          settle();
          resolve(output);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.#open.set(id, call);
      try {
        this.#send({
          t: "call",
          id,
          tool,
          input,
          timeout_ms: timeoutMs,
          ...(onProgress && { progress: true }),
        });
      } catch (thrown) {
        call.reject(toToolError(thrown)); // too large for a frame
      }
    });
  }

  #send(frame: Frame): void {
    if (this.#closed === undefined) this.#link.send(encode(frame));
  }

  #receive(text: string): void {
    let frame: Frame;
    try {
      frame = decode(text);
    } catch (error) {
      this.#link.close(`protocol error: ${error instanceof Error ? error.message : "unreadable frame"}`);
      return;
    }
    switch (frame.t) {
      case "hello":
        this.#options.onHello?.(frame);
        break;
      case "call":
        void this.#serve(frame);
        break;
      case "cancel":
        this.#serving.get(frame.id)?.abort();
        break;
      // An answer to a call that was given up in the meantime finds nobody; that is how late answers are dropped.
      case "result":
        this.#open.get(frame.id)?.resolve(frame.output);
        break;
      case "error":
        this.#open.get(frame.id)?.reject(fromWire(frame.error));
        break;
      case "progress":
        this.#open.get(frame.id)?.onProgress?.(frame);
        break;
    }
  }

  async #serve({ id, tool, input, timeout_ms, progress }: FrameOf<"call">): Promise<void> {
    const { serve, onBug } = this.#options;
    if (!serve || this.#serving.size >= MAX_OPEN_CALLS || this.#serving.has(id)) {
      this.#send({ t: "error", id, error: toWire(new ToolError("overloaded", "Too many calls at once")) });
      return;
    }
    const controller = new AbortController();
    this.#serving.set(id, controller);
    const timer = setTimeout(() => controller.abort(), timeout_ms);
    try {
      const output = await serve(tool, input, {
        signal: controller.signal,
        progress: (update) => progress && this.#send({ t: "progress", id, ...update }),
      });
      this.#send({ t: "result", id, output });
    } catch (thrown) {
      const error = toToolError(thrown);
      if (error.code === "internal") onBug?.(thrown, tool);
      this.#send({ t: "error", id, error: toWire(error) });
    } finally {
      clearTimeout(timer);
      this.#serving.delete(id);
    }
  }

  #ended(reason: string): void {
    this.#closed = reason;
    for (const controller of this.#serving.values()) controller.abort();
    // Nothing else would ever settle these.
    for (const call of [...this.#open.values()]) call.reject(this.#offline(reason));
  }

  #offline(reason: string): ToolError {
    return new ToolError("agent_offline", `The training machine is not connected (${reason})`, {
      hint: "The training itself goes on; try again when the agent is back",
    });
  }
}
