// A line between two places as homes have it: so many bits a second each way, shared by all connections, and a delay. In
// front of the bottleneck a modem's queue, first come, first served; who finds it full waits, as TCP does in the end. What
// TCP itself makes of a delay, its slow beginning, is not in it.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

export const LINE = { mbitPerSecond: 100, delayMs: 25, queueBytes: 256 * 1024 } as const;
const BYTES_PER_MS = (LINE.mbitPerSecond * 1_000) / 8;
/** What a receiver that does not read holds for each connection, about. */
const RECEIVE_BYTES = 1024 * 1024;
const NEVER = Number.POSITIVE_INFINITY;

export interface SlowLine {
  /** Where the target is reached through it. */
  readonly url: string;
  /** Towards the target, and back. */
  readonly up: Direction;
  readonly down: Direction;
  close(): void;
}

export async function slowLine(target: string): Promise<SlowLine> {
  const { hostname, port } = new URL(target);
  const [up, down] = [new Direction(), new Direction()];
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const far = connect({ port: Number(port), host: hostname, allowHalfOpen: true, noDelay: true });
    for (const [from, to, direction] of [
      [near, far, up],
      [far, near, down],
    ] as const) {
      open.add(from);
      from.on("close", () => open.delete(from));
      carry(from, to, direction).catch(() => to.destroy()); // one that breaks breaks the other
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    up,
    down,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

async function carry(from: Socket, to: Socket, direction: Direction): Promise<void> {
  for await (const bytes of from as AsyncIterable<Uint8Array>) {
    await direction.enter(bytes.length, () => to.write(bytes));
    while (to.writableLength > RECEIVE_BYTES) await once(to, "drain");
  }
  await direction.enter(0, () => to.end());
}

interface Piece {
  readonly bytes: number;
  readonly leavesMs: number;
  readonly arrive: () => void;
}

export class Direction {
  /** Of all pieces so far. */
  carriedBytes = 0;
  /** When the last byte of them left. */
  lastMs = 0;
  /** In front of the bottleneck. */
  readonly #queue: Piece[] = [];
  /** Behind it. */
  readonly #underway: Piece[] = [];
  #queuedBytes = 0;
  #last = Promise.resolve();
  #left: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** Resolves when there is room for the piece, in the order of calls. @param arrive called when it is through */
  async enter(bytes: number, arrive: () => void): Promise<void> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    await before;
    while (this.#queuedBytes > 0 && this.#queuedBytes + bytes > LINE.queueBytes)
      await new Promise<void>((next) => {
        this.#left = next;
      });
    this.#queuedBytes += bytes;
    this.carriedBytes += bytes;
    this.lastMs = Math.max(performance.now(), this.lastMs) + bytes / BYTES_PER_MS;
    this.#queue.push({ bytes, arrive, leavesMs: this.lastMs });
    this.#look();
    resolve();
  }

  /** All that is due by now happens, in its order; the rest is looked at again when it is due. */
  #look(): void {
    const now = performance.now();
    for (let [piece] = this.#queue; piece && piece.leavesMs <= now; [piece] = this.#queue) {
      this.#underway.push(piece);
      this.#queue.shift();
      this.#queuedBytes -= piece.bytes;
      this.#left?.();
    }
    for (
      let [piece] = this.#underway;
      piece && piece.leavesMs + LINE.delayMs <= now;
      [piece] = this.#underway
    ) {
      this.#underway.shift();
      piece.arrive();
    }
    const next = Math.min(
      this.#queue[0]?.leavesMs ?? NEVER,
      (this.#underway[0]?.leavesMs ?? NEVER) + LINE.delayMs,
    );
    clearTimeout(this.#timer);
    if (next < NEVER) this.#timer = setTimeout(() => this.#look(), Math.max(0, next - now));
  }
}
