// One end of the protocol on a Link: greet, make calls, serve calls, notice a silent other end.
import type { Closed, Link } from "./link.ts";
import { type CallOptions, LinkLost, OpenCalls, tooManyCalls } from "./open-calls.ts";
import {
  CLOSE,
  carriesRequest,
  decode,
  encode,
  type Frame,
  type Hello,
  type Limits,
  OPEN_CALLS_MAX,
  OUTSTANDING_BYTES_MAX,
  rangeInWords,
  UNREAD_BYTES_MAX,
  VERSIONS,
  type Welcome,
} from "./protocol.ts";
import { ServedCalls, type ServeOptions } from "./served-calls.ts";

export interface PeerOptions extends ServeOptions {
  /** Router's end: takes the other's first frame, or closes. Anything else before it ends the link, and so does a second. */
  readonly onHello?: ((hello: Hello) => void) | undefined;
  /** Agent's end, likewise. */
  readonly onWelcome?: ((welcome: Welcome) => void) | undefined;
  readonly onGoAway?: ((reason: string) => void) | undefined;
  /** What the other end takes, where it has said so in a greeting that this object has not seen. */
  readonly theirs?: Limits | undefined;
  /** When it was last heard of before this object was there, in milliseconds of `now`. */
  readonly heardAtMs?: number | undefined;
  /** The version that both ends have agreed on in such a greeting. */
  readonly version?: number | undefined;
  /** A frame that comes after a longer silence than this finds nobody: what it asks for was given up long ago. */
  readonly silentMs?: number | undefined;
  readonly now?: (() => number) | undefined;
}

export class Peer {
  readonly #link: Link;
  readonly #options: PeerOptions;
  readonly #now: () => number;
  readonly #made = new OpenCalls();
  readonly #served: ServedCalls;
  #greeted = false;
  #closed: Closed | undefined;
  #heardAt: number;
  /** What the other end takes; before it has said so, what the link carries. */
  #theirs: Limits;
  /** What both ends speak; before the welcome, what every end speaks. */
  #version: number;
  #idle: (() => void) | undefined;

  constructor(link: Link, options: PeerOptions = {}) {
    this.#link = link;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#heardAt = options.heardAtMs ?? this.#now();
    this.#theirs = options.theirs ?? this.limits;
    this.#version = options.version ?? VERSIONS.min;
    this.#served = new ServedCalls(
      options,
      (frame) => this.#sendIfRoom(frame),
      (frame) => this.#refuse(frame),
    );
    link.onMessage((text) => this.#receive(text));
    link.onClose((closed) => this.#ended(closed));
  }

  /** What this end takes, for hello and welcome. */
  get limits(): Limits {
    return { frame_bytes: this.#link.frameBytesMax, open_calls: OPEN_CALLS_MAX };
  }

  /** Calls made from here that have no answer yet. */
  get openCalls(): number {
    return this.#made.size;
  }

  /** Milliseconds since the other end was last heard of. */
  get silenceMs(): number {
    const now = this.#now();
    this.#heardAt = Math.min(now, Math.max(this.#heardAt, this.#link.heardAtMs ?? 0)); // the clock may be set back
    return now - this.#heardAt;
  }

  hello(hello: Hello): void {
    this.#send({ t: "hello", ...hello });
  }

  welcome(welcome: Welcome): void {
    this.#version = welcome.version;
    this.#send({ t: "welcome", ...welcome });
  }

  ping(): void {
    this.#send({ t: "ping" });
  }

  /** Asks the other end for no more calls. */
  goAway(reason: string): void {
    this.#send({ t: "go_away", reason });
  }

  close(code?: number, reason?: string): void {
    this.#link.close(code, reason);
  }

  /** Resolves when no call is open either way, or the link is. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle = resolve;
      this.#tellIdle();
    });
  }

  /**
   * Calls a tool at the other end.
   * @throws ToolError as thrown there; timeout, cancelled, overloaded, too_large or LinkLost from here
   */
  async call(tool: string, input: unknown, options: CallOptions = {}): Promise<unknown> {
    if (this.#closed !== undefined) throw new LinkLost(this.#closed);
    if (this.#made.size >= this.#theirs.open_calls || this.#isFull()) throw tooManyCalls();
    const { key, onProgress } = options;
    const request = carriesRequest(this.#version) ? options.request : undefined;
    try {
      return await this.#made.start(
        tool,
        options,
        (id, timeout_ms) =>
          this.#send({
            t: "call",
            id,
            tool,
            input,
            timeout_ms,
            ...(onProgress && { progress: true }),
            ...(key !== undefined && { key }),
            ...(request && { request }),
          }),
        (id) => this.#send({ t: "cancel", id }),
      );
    } finally {
      this.#tellIdle();
    }
  }

  /** @returns how long the frame was. @throws ToolError too_large */
  #send(frame: Frame): number {
    if (this.#closed !== undefined) return 0;
    const text = encode(frame, Math.min(this.#theirs.frame_bytes, this.#link.frameBytesMax));
    this.#link.send(text);
    return text.length;
  }

  #isFull(): boolean {
    return this.#link.waitingBytes > OUTSTANDING_BYTES_MAX;
  }

  /** An answer for an end that does not read is not kept: it is replaced by a short one, progress by nothing. */
  #sendIfRoom(frame: Frame): void {
    if (!this.#isFull()) this.#send(frame);
    else if (frame.t === "result") {
      const { code, message } = tooManyCalls();
      this.#send({ t: "error", id: frame.id, error: { code, message } });
    } else if (frame.t !== "progress") this.#send(frame);
  }

  /** Calls that are refused cost their sender nothing: one that sends them on and on and does not read is not honest. */
  #refuse(frame: Frame): void {
    if (this.#link.waitingBytes <= UNREAD_BYTES_MAX) this.#send(frame);
    else this.#link.close(CLOSE.overloaded, "the other end does not read the answers to its calls");
  }

  #receive(text: string): void {
    const { silentMs } = this.#options;
    if (silentMs !== undefined && this.silenceMs > silentMs) {
      this.#link.close(CLOSE.silent, "nothing was heard for too long");
      return;
    }
    this.#heardAt = this.#now();
    let frame: Frame;
    try {
      frame = decode(text, this.#link.frameBytesMax);
      this.#greet(frame);
    } catch (error) {
      const what = error instanceof Error ? error.message : "unreadable frame";
      this.#link.close(CLOSE.protocol_error, `protocol error: ${what}`);
      return;
    }
    this.#take(frame, text.length);
  }

  /** @throws Error unless the first frame, and no later one, is the greeting that this end waits for */
  #greet(frame: Frame): void {
    const { onHello, onWelcome } = this.#options;
    const awaited = onHello ? "hello" : onWelcome ? "welcome" : undefined;
    if (awaited === undefined) return;
    if ((frame.t === awaited) === this.#greeted) throw new Error(`${frame.t} is not expected now`);
    this.#greeted = true;
  }

  #take(frame: Frame, bytes: number): void {
    switch (frame.t) {
      case "hello":
        this.#theirs = frame.limits;
        this.#options.onHello?.(frame);
        break;
      case "welcome":
        this.#welcomed(frame);
        break;
      case "call":
        void this.#served.run(frame, bytes).finally(() => this.#tellIdle());
        break;
      case "cancel":
        this.#served.cancel(frame.id);
        break;
      case "result":
        this.#made.resolve(frame.id, frame.output, bytes);
        break;
      case "error":
        this.#made.reject(frame.id, frame.error);
        break;
      case "progress":
        this.#made.progress(frame.id, frame);
        break;
      case "ping":
        // Whoever does not read hears of us by what is under way; pongs would pile up behind it for ever.
        if (this.#link.waitingBytes <= UNREAD_BYTES_MAX) this.#send({ t: "pong" });
        break;
      case "pong":
        break; // that it came is all it says
      case "go_away":
        this.#options.onGoAway?.(frame.reason);
        break;
    }
  }

  #welcomed(welcome: Welcome): void {
    const { version, limits } = welcome;
    if (version < VERSIONS.min || version > VERSIONS.max) {
      const ours = rangeInWords(VERSIONS);
      const reason = `the router speaks protocol ${version}, this agent ${ours}; update the older one`;
      this.#link.close(CLOSE.version, reason);
      return;
    }
    this.#version = version;
    this.#theirs = limits;
    this.#options.onWelcome?.(welcome);
  }

  #ended(closed: Closed): void {
    this.#closed = closed;
    this.#served.end(closed);
    this.#made.end(closed);
    this.#tellIdle();
  }

  #tellIdle(): void {
    if (this.#closed === undefined && this.#made.size + this.#served.size > 0) return;
    this.#idle?.();
    this.#idle = undefined;
  }
}
