// What each caller has under way at the other end of a link, within CALLER_MAX. A call that was given up takes its room
// until the other end has answered it: there it may be at work still.
import { ToolError } from "./errors.ts";
import { CALLER_MAX } from "./protocol.ts";

interface Share {
  calls: number;
  bytes: number;
}

export class CallerShares {
  readonly #shares = new Map<string, Share>();
  /** By the call's id: what gives its room back. */
  readonly #taken = new Map<number, () => void>();

  /** Why this caller may not call now; undefined: it may. */
  refusal(callerId: string): ToolError | undefined {
    const share = this.#shares.get(callerId);
    if (!share || (share.calls < CALLER_MAX.calls && share.bytes <= CALLER_MAX.bytes)) return undefined;
    return new ToolError(
      "overloaded",
      `You have ${share.calls} calls under way on this machine, which is as much as one caller may`,
      { hint: "Wait until one of them is answered, then call again" },
    );
  }

  take(id: number, callerId: string, bytes: number): void {
    const share = this.#shares.get(callerId) ?? { calls: 0, bytes: 0 };
    this.#shares.set(callerId, share);
    share.calls += 1;
    share.bytes += bytes;
    this.#taken.set(id, () => {
      share.calls -= 1;
      share.bytes -= bytes;
      if (share.calls === 0) this.#shares.delete(callerId);
    });
  }

  /** The other end has answered this call. */
  giveBack(id: number): void {
    this.#taken.get(id)?.();
    this.#taken.delete(id);
  }
}
