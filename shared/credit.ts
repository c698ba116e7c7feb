// How much one end of a transfer may send, and how much it has to take. Pure.

/** A frame takes memory beside its bytes: without a least cost, a window of single bytes would fill that of its receiver. */
const FRAME_COST_MIN = 1024;

/** What a frame of so many bytes takes of the window. */
export const frameCost = (bytes: number): number => Math.max(bytes, FRAME_COST_MIN);

/** The sender's side: what may still be sent. */
export class Allowance {
  readonly #windowBytes: number;
  #leftBytes: number;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
    this.#leftBytes = windowBytes;
  }

  fits(bytes: number): boolean {
    return frameCost(bytes) <= this.#leftBytes;
  }

  spend(bytes: number): void {
    this.#leftBytes -= frameCost(bytes);
  }

  /** @throws Error when the other end gives back more than it can have got: it has lost count, or lies */
  grant(bytes: number): void {
    if (this.#leftBytes + bytes > this.#windowBytes) throw new Error("more credit than was used");
    this.#leftBytes += bytes;
  }
}

/** The receiver's side: what has come and is not passed on yet. */
export class Window {
  readonly #windowBytes: number;
  readonly #grantBytes: number;
  #heldBytes = 0;
  #ungrantedBytes = 0;

  /** @param grantBytes credit is given in steps of at least so many bytes, not for every crumb */
  constructor(windowBytes: number, grantBytes: number) {
    this.#windowBytes = windowBytes;
    this.#grantBytes = grantBytes;
  }

  /** @throws Error when the other end sends without credit */
  received(bytes: number): void {
    this.#heldBytes += frameCost(bytes);
    if (this.#heldBytes + this.#ungrantedBytes > this.#windowBytes) throw new Error("more bytes than credit");
  }

  /** @returns the credit to give now; 0 for none yet */
  passedOn(bytes: number): number {
    const cost = frameCost(bytes);
    this.#heldBytes -= cost;
    this.#ungrantedBytes += cost;
    if (this.#ungrantedBytes < this.#grantBytes) return 0;
    const credit = this.#ungrantedBytes;
    this.#ungrantedBytes = 0;
    return credit;
  }
}
