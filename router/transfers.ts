// The sockets that agents dial for single transfers: which are waited for, and how many a machine may have.
import type { ByteSocket } from "../shared/byte-socket.ts";
import { ToolError } from "../shared/errors.ts";
import { carriesWindow, TRANSFER } from "../shared/protocol.ts";
import { Transfer, type TransferOptions } from "../shared/streams.ts";
import { TransferMetrics } from "./transfer-metrics.ts";

export interface Expected extends Disposable {
  /** Nobody can guess it, and it is good for one socket. */
  readonly id: string;
  /** Bytes that may be under way, where the machine has to be told. */
  readonly window: number | undefined;
  /** @throws ToolError agent_offline when the machine does not dial in time */
  opened(signal: AbortSignal): Promise<Transfer>;
}

interface Waiting {
  readonly machine: string;
  readonly windowBytes: number | undefined;
  readonly resolve: (transfer: Transfer) => void;
}

/** One that has its turn, or waits for it. */
interface Place {
  readonly callerId: string;
  readonly go: () => void;
}

interface Queue {
  readonly open: Set<Place>;
  readonly waiting: Set<Place>;
}

const ID_BYTES = 24;
/** How long a request waits for one of the machine's transfers to end. */
const TURN_MS = 60_000;
/** Requests of one machine that wait, and of them those of one caller; each holds a connection. */
const WAITING_MAX = 64;
const OF_CALLER_WAITING_MAX = 32;

export interface TransfersOptions extends TransferOptions {
  readonly atOnce?: number;
  readonly ofCallerAtOnce?: number;
  readonly turnMs?: number;
}

export class Transfers {
  readonly metrics = new TransferMetrics();
  readonly #expected = new Map<string, Waiting>();
  readonly #queues = new Map<string, Queue>();
  readonly #options: TransfersOptions;

  constructor(options: TransfersOptions = {}) {
    this.#options = options;
  }

  /** An id under which the machine may dial. Dispose of it, or the id stays good. @param version of its protocol */
  expect(machine: string, version: number): Expected {
    const bytes = crypto.getRandomValues(new Uint8Array(ID_BYTES));
    const id = btoa(String.fromCharCode(...bytes))
      .replaceAll("+", "-")
      .replaceAll("/", "_");
    const { promise, resolve } = Promise.withResolvers<Transfer>();
    const windowBytes = carriesWindow(version) ? this.#options.windowBytes : undefined;
    this.#expected.set(id, { machine, windowBytes, resolve });
    let isTaken = false;
    return {
      id,
      window: windowBytes,
      async opened(signal) {
        const transfer = await orLate(promise, signal);
        isTaken = true;
        return transfer;
      },
      [Symbol.dispose]: () => {
        this.#expected.delete(id);
        // The machine may have dialled for somebody who had left by then: nobody else would ever close that line.
        void promise.then((transfer) => isTaken || transfer.abort("nobody waits any more"));
      },
    };
  }

  /** The machine whose dialling is waited for under this id. */
  machineOf(id: string): string | undefined {
    return this.#expected.get(id)?.machine;
  }

  /** @returns false when nobody waits for it (any more) */
  arrived(id: string, socket: ByteSocket): boolean {
    const waiting = this.#expected.get(id);
    if (!waiting) return false;
    this.#expected.delete(id);
    // Now, not when the request gets around to it: the first frames are right behind.
    const transfer = new Transfer(socket, { ...this.#options, windowBytes: waiting.windowBytes });
    this.metrics.began(transfer);
    waiting.resolve(transfer);
    return true;
  }

  /** Would a turn have to wait? */
  isFull(machine: string, callerId: string): boolean {
    const { atOnce = TRANSFER.atOnce, ofCallerAtOnce = TRANSFER.ofCallerAtOnce } = this.#options;
    const queue = this.#queues.get(machine);
    return queue !== undefined && isFull(queue.open, callerId, atOnce, ofCallerAtOnce);
  }

  /** Waits until the machine has room for one more. @returns what gives the place back. @throws ToolError overloaded */
  async turn(machine: string, callerId: string, signal: AbortSignal): Promise<() => void> {
    const queue = this.#queues.get(machine) ?? { open: new Set(), waiting: new Set() };
    this.#queues.set(machine, queue);
    const place = this.isFull(machine, callerId)
      ? await this.#wait(queue, callerId, signal)
      : { callerId, go() {} };
    queue.open.add(place);
    return () => {
      if (!queue.open.delete(place)) return;
      for (const next of queue.waiting) {
        if (this.isFull(machine, next.callerId)) continue;
        queue.waiting.delete(next);
        queue.open.add(next); // the place goes from hand to hand
        next.go();
      }
      if (queue.open.size === 0) this.#queues.delete(machine);
    };
  }

  async #wait({ waiting }: Queue, callerId: string, signal: AbortSignal): Promise<Place> {
    if (isFull(waiting, callerId, WAITING_MAX, OF_CALLER_WAITING_MAX)) throw tooManyTransfers();
    const { promise, resolve: go, reject } = Promise.withResolvers<void>();
    const place = { callerId, go };
    waiting.add(place);
    const giveUp = () => {
      if (waiting.delete(place)) reject(tooManyTransfers());
    };
    const timer = setTimeout(giveUp, this.#options.turnMs ?? TURN_MS);
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await promise;
      return place;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", giveUp);
    }
  }
}

function isFull(places: ReadonlySet<Place>, callerId: string, max: number, ofCallerMax: number): boolean {
  const own = [...places].filter((place) => place.callerId === callerId);
  return places.size >= max || own.length >= ofCallerMax;
}

const tooManyTransfers = () =>
  new ToolError(
    "overloaded",
    "Too many transfers of this machine, or of yours, at once; try again when one has ended",
  );

async function orLate(opened: Promise<Transfer>, signal: AbortSignal): Promise<Transfer> {
  const { promise, reject } = Promise.withResolvers<never>();
  const giveUp = () =>
    reject(
      new ToolError("agent_offline", "The training machine did not open a line for the file", {
        hint: "Its agent's log says why; a proxy in front of the router has to pass WebSockets on under /agent/",
      }),
    );
  const timer = setTimeout(giveUp, TRANSFER.dialMs);
  signal.addEventListener("abort", giveUp, { once: true });
  if (signal.aborted) giveUp();
  try {
    return await Promise.race([opened, promise]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", giveUp);
  }
}
