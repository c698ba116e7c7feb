// Router and agent in one process, joined by a link that serialises: the same path a call takes over a WebSocket.
import { Hub } from "../../router/hub.ts";
import { linkPair } from "../../shared/link.ts";
import type { Log } from "../../shared/log.ts";
import { Peer } from "../../shared/peer.ts";
import { PROTOCOL_VERSION } from "../../shared/protocol.ts";
import { SERVER_VERSION } from "../../shared/server-info.ts";
import { TOOLS } from "../../shared/tools/index.ts";
import type { Agent } from "../agent.ts";

export async function localHub(agent: Agent, log: Log): Promise<Hub> {
  const [routerEnd, agentEnd] = linkPair();
  const hub = new Hub();
  const attached = hub.attach(routerEnd);
  const peer = new Peer(agentEnd, {
    serve: agent.serve,
    onBug: (err, tool) => log.error({ err, tool }, "a tool failed"),
  });
  peer.hello({
    version: PROTOCOL_VERSION,
    name: "local",
    agent_version: SERVER_VERSION,
    tools: TOOLS.map((tool) => tool.name),
  });
  await attached;
  return hub;
}
