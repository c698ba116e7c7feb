// For tests: a fleet in memory, and agents that are a function at the other end of a link.
import { type Link, linkPair } from "../../shared/link.ts";
import { Peer } from "../../shared/peer.ts";
import { type Hello, VERSIONS } from "../../shared/protocol.ts";
import type { Serve } from "../../shared/served-calls.ts";
import { Fleet, type FleetOptions } from "../fleet.ts";
import type { Credential, Hub } from "../hub.ts";
import { MachineRegistry } from "../machine-registry.ts";
import { IN_MEMORY, openSql } from "../node-sql.ts";

export function testFleet(options: Partial<FleetOptions> = {}): Fleet {
  const now = options.now ?? (() => new Date());
  return new Fleet({
    machines: new MachineRegistry(openSql(IN_MEMORY), now),
    onError: (error) => {
      throw error;
    },
    ...options,
  });
}

export interface TestAgent {
  readonly peer: Peer;
  /** The agent's end. */
  readonly link: Link;
}

export interface AgentOptions {
  readonly serve?: Serve;
  readonly hello?: Partial<Hello>;
  readonly credential?: Credential;
}

export const helloOf = (more: Partial<Hello> = {}): Hello => ({
  versions: VERSIONS,
  name: "box",
  machine_id: `id of ${more.name ?? "box"}`,
  instance: "1",
  agent_version: "1.2.3",
  tools: [],
  limits: { frame_bytes: 1_000_000, open_calls: 100 },
  ...more,
});

/** Resolves once the agent was welcomed. @throws Error with the reason for which it was not */
export async function connectAgent(
  to: Fleet | Hub,
  { serve = async () => ({}), hello, credential }: AgentOptions = {},
): Promise<TestAgent> {
  const [routerEnd, link] = linkPair();
  const attached = ("hub" in to ? to.hub : to).attach(routerEnd, credential);
  const peer = new Peer(link, { serve, onWelcome: () => {} });
  peer.hello(helloOf(hello));
  await attached;
  return { peer, link };
}
