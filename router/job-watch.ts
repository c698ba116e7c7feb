// Tells of jobs while somebody listens to them. Each machine has one question to answer, however many listen: it answers
// when something is not as it was there. When nobody listens, nobody is asked.
import * as v from "valibot";
import { toToolError } from "../shared/errors.ts";
import { type WatchedJobs, watchJobs } from "../shared/tools/watching.ts";
import type { Changes } from "./changes.ts";
import { formatAddress } from "./features/address.ts";
import type { Connected } from "./hub.ts";

/** Longer than an agent takes when nothing changes. */
const ANSWER_MS = 45_000;
/** After an answer that was none, e.g. of a machine that is too busy. */
const RETRY_MS = 5_000;

export class JobWatch {
  readonly #changes: Changes;
  readonly #connected: () => readonly Connected[];
  #listeners = 0;
  readonly #asked = new Map<Connected, AbortController>();
  /** By machine: kept while it is away, so that what happened meanwhile is told, too. */
  readonly #known = new Map<string, WatchedJobs>();

  /** @param connected the machines that are there now */
  constructor(changes: Changes, connected: () => readonly Connected[]) {
    this.#changes = changes;
    this.#connected = connected;
  }

  /** @returns what is to be called when its listener has gone */
  listen(): () => void {
    if (this.#listeners++ === 0) for (const agent of this.#connected()) this.#ask(agent);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      if (--this.#listeners > 0) return;
      for (const asking of this.#asked.values()) asking.abort();
      this.#asked.clear();
      this.#known.clear();
    };
  }

  attached(agent: Connected): void {
    if (this.#listeners > 0) this.#ask(agent);
  }

  detached(agent: Connected): void {
    this.#asked.get(agent)?.abort();
    this.#asked.delete(agent);
  }

  #ask(agent: Connected): void {
    const asking = new AbortController();
    this.#asked.set(agent, asking);
    void this.#keepAsking(agent, asking.signal);
  }

  async #keepAsking({ name, peer }: Connected, signal: AbortSignal): Promise<void> {
    await undefined; // it is seated before it is welcomed, and takes calls only then
    while (!signal.aborted) {
      try {
        const known = this.#known.get(name);
        const options = { signal, timeoutMs: ANSWER_MS };
        const answer = await peer.call(watchJobs.name, known ? { jobs: known } : {}, options);
        const { jobs } = v.parse(watchJobs.output, answer);
        if (signal.aborted) return;
        this.#known.set(name, jobs);
        if (known) this.#tell(known, jobs);
      } catch (thrown) {
        const { code } = toToolError(thrown);
        // An agent from before there was such a question; a line that broke, which is taken up when it is back.
        if (code === "not_found" || code === "agent_offline") return;
        await pause(RETRY_MS, signal);
      }
    }
  }

  #tell(before: WatchedJobs, now: WatchedJobs): void {
    for (const id of new Set([...Object.keys(before), ...Object.keys(now)])) {
      const [was, is] = [before[id], now[id]];
      const hasNewSamples = was?.samples !== is?.samples;
      if (was?.state === is?.state && !hasNewSamples) continue;
      for (const part of ["", "log", "metrics", ...(hasNewSamples ? ["samples/sheet"] : [])])
        this.#changes.publish({
          kind: "resource_updated",
          uri: formatAddress({ kind: "job", name: id, part }),
        });
      // A job that is new, or has ended, is described differently in the list.
      if (!was || !is) this.#changes.publish({ kind: "resources_list_changed" });
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
