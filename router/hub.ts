// The agents connected now, by name. It has no timers: on Workers an idle hub must be able to sleep, so whoever runs one
// on Node calls sweep() now and then.
import type { Link } from "../shared/link.ts";
import { isMachineName } from "../shared/machine-name.ts";
import { Peer } from "../shared/peer.ts";
import {
  CLOSE,
  commonVersion,
  GREETING_MS,
  HEARTBEATS_MISSED,
  type Hello,
  rangeInWords,
  VERSIONS,
} from "../shared/protocol.ts";
import { SERVER_VERSION } from "../shared/server-info.ts";

/** What the router knows of an agent from its token. */
export interface Credential {
  /** The only name it may have; without one it may choose. */
  readonly name?: string | undefined;
  /** Of the token, where the machine has one of its own: a hub that slept finds the credential by it. */
  readonly tokenId?: string | undefined;
  /** Asked now and then while the agent is connected: a revoked token ends its link. */
  readonly isValid?: (() => Promise<boolean>) | undefined;
}

export interface Connected {
  readonly name: string;
  readonly hello: Hello;
  readonly sinceMs: number;
  readonly credential: Credential;
  readonly peer: Peer;
}

export interface HubOptions {
  readonly now?: () => number;
  /** Why this one may not be what it says; undefined: it may. */
  readonly refusal?: (name: string, hello: Hello, credential: Credential) => string | undefined;
  readonly onAttach?: (agent: Connected) => void;
  readonly onDetach?: (agent: Connected, reason: string) => void;
}

/** More machines than anybody has; each costs memory. */
const AGENTS_MAX = 256;
/** Links that have not said who they are. */
const STRANGERS_MAX = 64;

export class Hub {
  readonly #options: HubOptions;
  readonly #now: () => number;
  readonly #agents = new Map<string, Connected>();
  /** With the time since when they have said nothing. */
  readonly #strangers = new Map<Peer, number>();
  /** They have said that they are about to leave: they answer what they have, and get nothing new. */
  readonly #leaving = new WeakSet<Peer>();
  readonly #waiting = new Map<string, Set<(agent: Connected | undefined) => void>>();
  #goingAway: string | undefined;

  constructor(options: HubOptions = {}) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
  }

  /**
   * Takes in an agent. Resolves when it has said hello and was welcomed, rejects when the link ends before.
   * @param sinceMs when the link came, if this hub slept since
   */
  attach(link: Link, credential: Credential = {}, sinceMs: number = this.#now()): Promise<Connected> {
    const { promise, resolve, reject } = Promise.withResolvers<Connected>();
    const peer = new Peer(link, {
      now: this.#now,
      onHello: (hello) => {
        this.#strangers.delete(peer);
        try {
          const agent = this.#admit(peer, link, hello, credential);
          if (agent) resolve(agent);
        } catch (error) {
          peer.close(CLOSE.going_away, String(error)); // a store that fails; the agent tries again
        }
      },
      onGoAway: () => this.#leaving.add(peer),
    });
    link.onClose(({ reason }) => {
      this.#strangers.delete(peer);
      reject(new Error(reason));
    });
    if (this.#goingAway !== undefined) peer.close(CLOSE.going_away, this.#goingAway);
    else if (this.#strangers.size >= STRANGERS_MAX)
      peer.close(CLOSE.overloaded, "too many links without a hello");
    else this.#strangers.set(peer, sinceMs);
    return promise;
  }

  /** Takes in an agent that was welcomed before this hub slept; both ends still have the link. */
  resume(link: Link, name: string, hello: Hello, credential: Credential = {}): void {
    const peer = new Peer(link, {
      now: this.#now,
      theirs: hello.limits,
      version: commonVersion(hello.versions),
      heardAtMs: link.heardAtMs,
      onGoAway: () => this.#leaving.add(peer),
    });
    // Nobody is told that it has come: it was there all the time.
    this.#seat({ name, hello, sinceMs: this.#now(), credential, peer }, link);
  }

  #admit(peer: Peer, link: Link, hello: Hello, credential: Credential): Connected | undefined {
    const version = commonVersion(hello.versions);
    if (version === undefined) {
      const [theirs, ours] = [hello.versions, VERSIONS].map(rangeInWords);
      peer.close(
        CLOSE.version,
        `the agent speaks protocol ${theirs}, this router ${ours}; update the older one`,
      );
      return undefined;
    }
    const name = credential.name ?? hello.name;
    if (!isMachineName(name)) {
      peer.close(CLOSE.protocol_error, "a machine's name has 1 to 32 small letters, digits and hyphens");
      return undefined;
    }
    const refusal = this.#options.refusal?.(name, hello, credential);
    if (refusal !== undefined) {
      peer.close(CLOSE.unauthorized, refusal);
      return undefined;
    }
    const older = this.#agents.get(name);
    if (!older && this.#agents.size >= AGENTS_MAX) {
      peer.close(CLOSE.overloaded, `this router takes ${AGENTS_MAX} machines`);
      return undefined;
    }
    if (hello.if_free && older && older.hello.instance !== hello.instance && this.get(name)) {
      peer.close(CLOSE.name_taken, `another agent has the name ${name}`);
      return undefined;
    }
    const agent = { name, hello, sinceMs: this.#now(), credential, peer };
    this.#seat(agent, link);
    this.#options.onAttach?.(agent);
    older?.peer.close(CLOSE.replaced, `another agent has connected as ${name}`);
    const { limits } = peer;
    peer.welcome({ version, name, router_version: SERVER_VERSION, limits });
    for (const back of this.#waiting.get(name) ?? []) back(agent);
    this.#waiting.delete(name);
    return agent;
  }

  #seat(agent: Connected, link: Link): void {
    this.#agents.set(agent.name, agent);
    link.onClose(({ reason }) => {
      if (this.#agents.get(agent.name) === agent) {
        this.#agents.delete(agent.name);
        this.#options.onDetach?.(agent, reason);
      }
    });
  }

  /** The agent of that name, if it is there and takes calls. */
  get(name: string): Connected | undefined {
    const agent = this.#agents.get(name);
    if (!agent || this.#leaving.has(agent.peer) || this.#goingAway !== undefined) return undefined;
    if (!isSilent(agent)) return agent;
    agent.peer.close(CLOSE.silent, "nothing was heard from the agent for too long");
    return undefined;
  }

  /** Those that take calls, in the order in which they came. */
  all(): Connected[] {
    return [...this.#agents.keys()].flatMap((name) => this.get(name) ?? []);
  }

  /** Waits for the agent to be welcomed again. undefined after `timeoutMs`, when `signal` fires, or when we go. */
  async whenBack(name: string, timeoutMs: number, signal?: AbortSignal): Promise<Connected | undefined> {
    if (this.#goingAway !== undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<Connected | undefined>();
    const waiting = this.#waiting.get(name) ?? new Set();
    this.#waiting.set(name, waiting.add(resolve));
    const giveUp = () => resolve(undefined);
    const timer = setTimeout(giveUp, timeoutMs);
    signal?.addEventListener("abort", giveUp, { once: true });
    if (signal?.aborted) giveUp();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", giveUp);
      waiting.delete(resolve);
      if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name);
    }
  }

  /** Closes links that never said hello, and those of agents that have fallen silent or whose token was revoked. */
  async sweep(): Promise<void> {
    for (const [peer, sinceMs] of [...this.#strangers]) {
      if (this.#now() - sinceMs > GREETING_MS) peer.close(CLOSE.silent, "no hello");
    }
    for (const { credential, peer } of this.all()) {
      if ((await credential.isValid?.()) === false)
        peer.close(CLOSE.unauthorized, "the agent's token was revoked");
    }
  }

  get isGoingAway(): boolean {
    return this.#goingAway !== undefined;
  }

  /** No more calls: each agent finishes what it has, and comes back once the link is closed. */
  goAway(reason: string): void {
    this.#goingAway = reason;
    for (const giveUp of [...this.#waiting.values()].flatMap((each) => [...each])) giveUp(undefined);
    for (const peer of this.#strangers.keys()) peer.close(CLOSE.going_away, reason);
    for (const { peer } of this.#agents.values()) peer.goAway(reason);
  }

  close(): void {
    const reason = this.#goingAway ?? "the router has ended";
    for (const { peer } of [...this.#agents.values()]) peer.close(CLOSE.going_away, reason);
  }
}

/** One that does not say how often it pings lives in this process. */
function isSilent({ hello, peer }: Connected): boolean {
  return hello.heartbeat_ms !== undefined && peer.silenceMs > hello.heartbeat_ms * HEARTBEATS_MISSED;
}
