// The calls one end of a link runs for the other.
import type { CallContext } from "./contract.ts";
import { ToolError, toToolError, toWire } from "./errors.ts";
import type { Closed } from "./link.ts";
import { LinkLost, tooManyCalls } from "./open-calls.ts";
import { type Frame, type FrameOf, OPEN_CALLS_MAX, OUTSTANDING_BYTES_MAX } from "./protocol.ts";

/** Runs a call that came in. What it throws becomes an error frame. */
export type Serve = (tool: string, input: unknown, context: CallContext) => Promise<unknown>;

export interface ServeOptions {
  readonly serve?: Serve | undefined;
  /** Bugs of a handler; the other side only hears "internal". */
  readonly onBug?: ((thrown: unknown, tool: string, requestId: string | undefined) => void) | undefined;
}

export class ServedCalls {
  readonly #options: ServeOptions;
  readonly #send: (frame: Frame) => void;
  readonly #refuse: (frame: Frame) => void;
  readonly #running = new Map<number, AbortController>();
  #bytes = 0;

  /** @param refuse sends the answer to a call that is not run */
  constructor(options: ServeOptions, send: (frame: Frame) => void, refuse: (frame: Frame) => void) {
    this.#options = options;
    this.#send = send;
    this.#refuse = refuse;
  }

  get size(): number {
    return this.#running.size;
  }

  async run(frame: FrameOf<"call">, bytes: number): Promise<void> {
    const { id, tool, input, timeout_ms, progress, key, request } = frame;
    const refusal = this.#refusal(frame);
    if (refusal) return this.#refuse({ t: "error", id, error: toWire(refusal) });
    const controller = new AbortController();
    this.#running.set(id, controller);
    this.#bytes += bytes;
    const late = () =>
      controller.abort(new ToolError("timeout", `${tool} took longer than ${timeout_ms} ms`));
    const timer = setTimeout(late, timeout_ms);
    try {
      const output = await this.#options.serve?.(tool, input, {
        signal: controller.signal,
        progress: (update) => progress && this.#send({ t: "progress", id, ...update }),
        key,
        request,
      });
      this.#answer({ t: "result", id, output });
    } catch (thrown) {
      const error = toToolError(thrown);
      if (error.code === "internal") this.#options.onBug?.(thrown, tool, request?.id);
      this.#answer({ t: "error", id, error: toWire(error) });
    } finally {
      clearTimeout(timer);
      this.#bytes -= bytes;
      this.#running.delete(id);
    }
  }

  cancel(id: number): void {
    this.#running.get(id)?.abort(new ToolError("cancelled", "The call was cancelled"));
  }

  /** The reason tells a handler whether somebody gave up or only the line broke. */
  end(closed: Closed): void {
    for (const controller of this.#running.values()) controller.abort(new LinkLost(closed));
  }

  #answer(frame: FrameOf<"result" | "error">): void {
    try {
      this.#send(frame);
    } catch (thrown) {
      this.#send({ t: "error", id: frame.id, error: toWire(toToolError(thrown)) }); // too large for a frame
    }
  }

  #refusal({ id, timeout_ms }: FrameOf<"call">): ToolError | undefined {
    if (!this.#options.serve) return new ToolError("forbidden", "Nothing can be called here");
    if (this.#running.size >= OPEN_CALLS_MAX || this.#bytes > OUTSTANDING_BYTES_MAX) return tooManyCalls();
    if (this.#running.has(id)) return new ToolError("conflict", `A call with the id ${id} is under way`);
    // Whoever asked has an answer already.
    if (timeout_ms <= 0) return new ToolError("timeout", "The call came too late and was not run");
    return undefined;
  }
}
