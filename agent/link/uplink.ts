// Keeps one link to the router: dials, serves, waits, dials again, until it is closed or the router says that it never
// will take us.
import { setTimeout as delay } from "node:timers/promises";
import type { Log } from "../../shared/log.ts";
import type { Peer } from "../../shared/peer.ts";
import { CLOSE, isPermanent } from "../../shared/protocol.ts";
import { backoffMs, wasGoodLink } from "./backoff.ts";
import { type Ending, type SessionOptions, session } from "./session.ts";

export interface UplinkOptions extends Omit<SessionOptions, "onWelcome" | "onGoAway"> {
  readonly log: Log;
  readonly random?: () => number;
  /** How long to leave somebody else the name. */
  readonly nameTakenMs?: number;
}

/** Somebody else has our name: they may leave it again, but there is no hurry. */
const NAME_TAKEN_MS = 60_000;
/** How long calls under way may take when we leave. */
const LEAVE_MS = 5_000;

/** What a person has to mend; the words belong to the close codes and statuses that say so. */
function permanentReason(ending: Ending): string | undefined {
  if (ending.kind === "refused" && (ending.status === 401 || ending.status === 403)) {
    return "the router does not take this agent token: it is wrong, revoked, or another router's";
  }
  return ending.kind === "closed" && isPermanent(ending.code) ? ending.reason : undefined;
}

function reasonOf(ending: Ending): string {
  if (ending.kind !== "refused") return ending.reason;
  return `HTTP ${ending.status} instead of a WebSocket: is this a router's address, and does its proxy pass WebSockets on?`;
}

export class Uplink {
  readonly #options: UplinkOptions;
  readonly #closing = new AbortController();
  readonly #refused = Promise.withResolvers<string>();
  readonly #ended: Promise<void>;
  #peer: Peer | undefined;
  /** Since the last good link. */
  #tries = 0;
  /** Once somebody else took our name, we only ask for it when it is free: two that fight would both be of no use. */
  #isPolite = false;

  constructor(options: UplinkOptions) {
    this.#options = options;
    this.#ended = this.#keep();
  }

  /** Resolves when trying again would change nothing: with why. */
  get refused(): Promise<string> {
    return this.#refused.promise;
  }

  async #keep(): Promise<void> {
    const { log, url } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      let goAway = false;
      const { hello, ...options } = this.#options;
      const ending = await session(
        {
          ...options,
          hello: { ...hello, ...(this.#isPolite && { if_free: true }) },
          onGoAway: () => {
            goAway = true;
          },
          onWelcome: (name, peer) => {
            this.#peer = peer;
            log.info({ router: url.href, name }, "connected to the router");
          },
        },
        signal,
      );
      this.#peer = undefined;
      if (signal.aborted) return;
      const reason = permanentReason(ending);
      if (reason !== undefined) {
        log.error({ router: url.href, reason }, `the router refuses this machine: ${reason}`);
        this.#refused.resolve(reason);
        return;
      }
      const waitMs = this.#waitMs(ending, goAway);
      log.warn({ router: url.href, reason: reasonOf(ending), waitMs }, "no link to the router; trying again");
      await delay(waitMs, undefined, { signal }).catch(() => {}); // closed while waiting
    }
  }

  #waitMs(ending: Ending, goAway: boolean): number {
    const random = (this.#options.random ?? Math.random)();
    if (ending.kind === "closed" && (ending.code === CLOSE.replaced || ending.code === CLOSE.name_taken)) {
      this.#isPolite = true;
      return Math.round((this.#options.nameTakenMs ?? NAME_TAKEN_MS) * (0.8 + 0.4 * random));
    }
    if (goAway || (ending.kind === "closed" && wasGoodLink(ending.heldMs))) this.#tries = 0;
    return backoffMs(this.#tries++, random);
  }

  /** Finishes the calls under way, and goes. */
  async close(): Promise<void> {
    const peer = this.#peer;
    if (peer) {
      peer.goAway("the agent is ending");
      const late = new AbortController();
      await Promise.race([peer.idle(), delay(LEAVE_MS, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
      this.#closing.abort();
      peer.close(CLOSE.going_away, "the agent is ending");
    }
    this.#closing.abort();
    await this.#ended;
  }
}
