// Router and agent in one process, joined by a link that serialises: the same path a call takes over a WebSocket.
import type { Changes } from "../../router/changes.ts";
import { Fleet } from "../../router/fleet.ts";
import { MachineRegistry } from "../../router/machine-registry.ts";
import { IN_MEMORY, openSql } from "../../router/node-sql.ts";
import { linkPair } from "../../shared/link.ts";
import type { Log } from "../../shared/log.ts";
import { Peer } from "../../shared/peer.ts";
import type { Agent } from "../agent.ts";
import type { Options } from "../options.ts";
import { helloOf } from "./hello.ts";

export async function localFleet(
  agent: Agent,
  options: Options,
  log: Log,
  changes?: Changes,
): Promise<Fleet> {
  const [routerEnd, agentEnd] = linkPair();
  const fleet = new Fleet({
    // Its only machine is never away: there is nothing to remember.
    machines: new MachineRegistry(openSql(IN_MEMORY)),
    changes,
    onError: (err) => log.error({ err }, "a note could not be kept"),
  });
  const attached = fleet.hub.attach(routerEnd);
  const peer = new Peer(agentEnd, {
    serve: agent.serve,
    onBug: (err, tool, request_id) => log.error({ err, tool, request_id }, "a bug in a tool"),
    onWelcome: () => {},
  });
  peer.hello({ ...helloOf(agent, options), limits: peer.limits });
  await attached;
  return fleet;
}
