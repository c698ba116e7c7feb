// One end of a transfer: bytes both ways over a socket of their own, each way as fast as its receiver passes them on.
import type { ByteSocket } from "./byte-socket.ts";
import { Allowance, Window } from "./credit.ts";
import type { Closed } from "./link.ts";
import { free } from "./one-use.ts";
import { CLOSE, decodeTransfer, TRANSFER, type TransferFrame, type TransferHead } from "./protocol.ts";

export interface TransferOptions {
  /** The same at both ends. */
  readonly windowBytes?: number | undefined;
  readonly idleMs?: number | undefined;
}

/** What came is not the whole. */
export class TransferBroken extends Error {
  override readonly name = "TransferBroken";
}

const REASON_MAX = 200;
/** One for every chunk would be as many messages back as there are forth. */
const CREDITS_PER_WINDOW = 4;
/** Told to the other end so often while there is nothing else to tell it. */
const WAITS_PER_IDLE = 4;

export class Transfer {
  /** Of the answer. Rejects when the socket closes before it came. */
  readonly head: Promise<TransferHead>;
  /** Resolves when the socket is closed, for whatever reason. */
  readonly closed: Promise<void>;
  /** So far. */
  sentBytes = 0;
  receivedBytes = 0;
  /** Closed here, when both ends were through. */
  isWhole = false;

  readonly #socket: ByteSocket;
  readonly #idleMs: number;
  readonly #chunkBytes: number;
  readonly #allowance: Allowance;
  readonly #window: Window;
  readonly #head = Promise.withResolvers<TransferHead>();
  /** Chunks that came and were not asked for yet; never more than the window. */
  readonly #queue: Uint8Array[] = [];
  #awaited: (() => void) | undefined;
  #hasAll = false;
  #blocked: (() => void) | undefined;
  #hasSentAll = false;
  #broken: TransferBroken | undefined;
  #progressAtMs = Date.now();
  #watch: ReturnType<typeof setTimeout>;
  #waiting: ReturnType<typeof setInterval> | undefined;

  constructor(socket: ByteSocket, options: TransferOptions = {}) {
    const { windowBytes = TRANSFER.windowBytes, idleMs = TRANSFER.idleMs } = options;
    this.#socket = socket;
    this.#idleMs = idleMs;
    // With a credit held back here and one over there, half a window has to do.
    this.#chunkBytes = Math.min(TRANSFER.chunkBytes, windowBytes / 4);
    this.#allowance = new Allowance(windowBytes);
    this.#window = new Window(windowBytes, Math.max(this.#chunkBytes, windowBytes / CREDITS_PER_WINDOW));
    this.head = this.#head.promise;
    this.head.catch(() => {}); // not every end waits for one
    const closed = Promise.withResolvers<void>();
    this.closed = closed.promise;
    socket.onMessage((data) => this.#receive(data));
    socket.onClose((why) => {
      this.#ended(why);
      closed.resolve();
    });
    this.#watch = setTimeout(() => this.#look(), idleMs);
  }

  /** Sends bytes. Resolves when the other end has room for more. @throws TransferBroken */
  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += this.#chunkBytes) {
      const chunk = bytes.subarray(at, at + this.#chunkBytes);
      while (this.#broken === undefined && !this.#allowance.fits(chunk.length)) await this.#credit();
      if (this.#broken) {
        if (at === 0) free(bytes); // nothing of it is under way
        throw this.#broken;
      }
      this.#allowance.spend(chunk.length);
      this.#progressed();
      this.#socket.send(chunk);
      this.sentBytes += chunk.length;
    }
  }

  /**
   * The next of what the other end sends; undefined at its end. One at a time. No stream: in workerd each of its chunks
   * leaves kilobytes to the garbage collector.
   * @throws TransferBroken when the socket closed before the other end was through
   */
  async read(): Promise<Uint8Array | undefined> {
    while (this.#queue.length === 0 && !this.#hasAll) {
      if (this.#broken) throw this.#broken;
      await new Promise<void>((resolve) => {
        this.#awaited = resolve;
      });
    }
    const chunk = this.#queue.shift();
    if (!chunk) return undefined;
    this.#progressed();
    const credit = this.#window.passedOn(chunk.length);
    if (credit > 0) this.#send({ t: "credit", bytes: credit });
    return chunk;
  }

  /** No more bytes from here. */
  end(): void {
    if (this.#hasSentAll) return;
    this.#hasSentAll = true;
    this.#waits(false);
    this.#progressed();
    this.#send({ t: "end" });
  }

  sendHead(head: TransferHead): void {
    this.#waits(false);
    this.#send({ t: "head", ...head });
  }

  /** Tells the other end, again and again, that something will come: until head or end is sent. */
  keepWaiting(): void {
    this.#waits(true);
  }

  /** Both ends are through. */
  close(): void {
    this.isWhole = this.#broken === undefined;
    this.#socket.close(CLOSE.normal, "done");
  }

  /** Gives up, and tells the other end. */
  abort(reason: string): void {
    this.#send({ t: "abort", reason: reason.slice(0, REASON_MAX) });
    this.#break(reason);
    this.#socket.close(CLOSE.normal, "given up");
  }

  #waits(on: boolean): void {
    clearInterval(this.#waiting);
    this.#waiting = undefined;
    if (on && !this.#broken)
      this.#waiting = setInterval(() => this.#send({ t: "wait" }), this.#idleMs / WAITS_PER_IDLE);
  }

  #send(frame: TransferFrame): void {
    if (!this.#broken) this.#socket.send(JSON.stringify(frame));
  }

  #credit(): Promise<void> {
    return new Promise((resolve) => {
      this.#blocked = resolve;
    });
  }

  #unblock(): void {
    this.#blocked?.();
    this.#blocked = undefined;
  }

  #receive(data: string | Uint8Array): void {
    try {
      if (typeof data === "string") this.#take(decodeTransfer(data));
      else this.#takeBytes(data);
      this.#progressed();
    } catch (error) {
      const what = error instanceof Error ? error.message : "unreadable frame";
      this.#break(`protocol error: ${what}`);
      this.#socket.close(CLOSE.protocol_error, `protocol error: ${what}`);
    }
  }

  #takeBytes(bytes: Uint8Array): void {
    if (this.#hasAll) throw new Error("bytes after the end");
    // Empty ones would cost memory, and no credit.
    if (bytes.length === 0 || bytes.length > TRANSFER.frameBytesMax)
      throw new Error(`a frame of ${bytes.length} bytes`);
    this.#window.received(bytes.length);
    this.receivedBytes += bytes.length;
    this.#queue.push(bytes);
    this.#wake();
  }

  #take(frame: TransferFrame): void {
    switch (frame.t) {
      case "head":
        this.#head.resolve(frame);
        break;
      case "credit":
        this.#allowance.grant(frame.bytes);
        this.#unblock();
        break;
      case "end":
        if (this.#hasAll) throw new Error("a second end");
        this.#hasAll = true;
        this.#wake();
        break;
      case "wait":
        break; // that it came is all it says
      case "abort":
        this.#break(frame.reason);
        this.#socket.close(CLOSE.normal, "given up");
        break;
    }
  }

  #wake(): void {
    this.#awaited?.();
    this.#awaited = undefined;
  }

  #progressed(): void {
    this.#progressAtMs = Date.now();
  }

  /** Is a frame due? While this end works on what it has, the other may be silent. */
  #isDue(): boolean {
    return !this.#hasAll || this.#blocked !== undefined || this.#hasSentAll;
  }

  #look(): void {
    const leftMs = this.#progressAtMs + this.#idleMs - Date.now();
    const isDue = this.#isDue();
    if (isDue && leftMs <= 0) {
      this.abort(`nothing moved for ${this.#idleMs / 1_000} s`);
      return;
    }
    if (!isDue) this.#progressed();
    this.#watch = setTimeout(() => this.#look(), Math.max(leftMs, this.#idleMs / WAITS_PER_IDLE));
  }

  #break(reason: string): void {
    if (this.#broken) return;
    this.#broken = new TransferBroken(`The transfer broke: ${reason}`);
    clearTimeout(this.#watch);
    this.#waits(false);
    // What has come is of no use without the rest, and a reader that never asks again must not keep it.
    if (!this.#hasAll) for (const chunk of this.#queue.splice(0)) free(chunk);
    this.#head.reject(this.#broken);
    this.#wake();
    this.#unblock();
  }

  #ended({ reason }: Closed): void {
    this.#break(reason);
  }
}
