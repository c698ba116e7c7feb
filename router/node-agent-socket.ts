// How a request becomes an agent of the hub on Node.
import { upgradeWebSocket } from "@hono/node-server";
import { type WebSocket, WebSocketServer } from "ws";
import { byteSocket, type RawSocket } from "../shared/byte-socket.ts";
import { freeReads } from "../shared/freed-reads.ts";
import type { Log } from "../shared/log.ts";
import { FRAME_BYTES_MAX } from "../shared/protocol.ts";
import { websocketLink } from "../shared/websocket-link.ts";
import type { AgentDoor, TransferDoor } from "./agent-door.ts";
import type { Hub } from "./hub.ts";
import type { NodeEnv } from "./node-bodies.ts";

/** Compressing what is mostly short costs more than it saves, and memory per socket. */
export const websocketServer = () =>
  new WebSocketServer({ noServer: true, perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX });

export function acceptAgent(hub: Hub, log: Log): AgentDoor["accept"] {
  return (c, credential) =>
    upgradeWebSocket(c, {
      onOpen(_event, { raw }) {
        if (!raw) return;
        // The server above made it. Its own listeners: the helper would make an event and a copy of each message.
        hub.attach(websocketLink(raw as unknown as WebSocket), credential).then(
          ({ name, hello }) => log.info({ machine: name, version: hello.agent_version }, "machine connected"),
          (error: Error) => log.warn({ reason: error.message }, "an agent was not taken in"),
        );
      },
    });
}

export const acceptTransfer: TransferDoor["accept"] = (c, take) =>
  upgradeWebSocket(c, {
    onOpen(_event, { raw }) {
      if (!raw) return;
      freeReads(raw as unknown as WebSocket, (c.env as NodeEnv).incoming.socket);
      take(byteSocket(raw as unknown as RawSocket));
    },
  });
