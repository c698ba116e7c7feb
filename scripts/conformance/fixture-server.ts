// Our router with the fixture in place of a training machine, on a socket of its own.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { sharedAgentToken } from "../../router/agent-door.ts";
import { createApp } from "../../router/app.ts";
import { ownerToken } from "../../router/auth/authenticate.ts";
import { Changes } from "../../router/changes.ts";
import { hostPolicy } from "../../router/hosts.ts";
import { Hub } from "../../router/hub.ts";
import type { Features } from "../../router/mcp/features.ts";
import { listen } from "../../router/node.ts";
import { acceptAgent, websocketServer } from "../../router/node-agent-socket.ts";
import type { Log } from "../../shared/log.ts";
import { AGENT_NAME } from "./fixture-agent.ts";
import { FixtureBackend } from "./fixture-backend.ts";
import { aroundCall, requestState } from "./fixture-conversations.ts";
import { prompts } from "./fixture-prompts.ts";
import { resources } from "./fixture-resources.ts";
import { aroundLongTools, tasks } from "./fixture-tasks.ts";

export interface FixtureServer {
  /** Of its MCP endpoint. */
  readonly url: string;
  close(): Promise<void>;
}

const AGENT = join(import.meta.dirname, "fixture-agent.ts");
const CONNECT_MS = 30_000;

export async function startFixture(log: Log): Promise<FixtureServer> {
  const token = randomUUID();
  const hub = new Hub();
  const backend = new FixtureBackend(hub);
  const changes = new Changes(["tools", "prompts", "resources"]);
  const features: Features = {
    resources,
    prompts,
    complete: async ({ value }) => [`${value}ing`],
    around: aroundLongTools(aroundCall(changes)),
    tasks,
    requestState,
    install(server, era) {
      server.registerCapabilities({ logging: {} });
      // Of the old era; nobody is ever told of anything.
      if (era === "modern") return;
      for (const method of ["resources/subscribe", "resources/unsubscribe"] as const)
        server.setRequestHandler(method, async () => ({}));
    },
  };
  const app = createApp({
    backend,
    surface: "mcp",
    policy: hostPolicy(),
    authenticate: ownerToken(undefined),
    mcp: { featuresOf: () => features, changes },
    agentDoor: { auth: [sharedAgentToken(token)], accept: acceptAgent(hub, log) },
    log,
  });
  const listening = await listen(app, {
    port: 0,
    host: "127.0.0.1",
    websockets: websocketServer(),
    endCalls: () => hub.close(),
  });
  const host = `localhost:${listening.port}`;
  const agent = spawn(process.execPath, [AGENT, `ws://${host}/agent`, token], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const close = async () => {
    agent.kill();
    await listening.close(100);
  };
  if (!(await hub.whenBack(AGENT_NAME, CONNECT_MS))) {
    await close();
    throw new Error("The fixture's agent did not connect");
  }
  return { url: `http://${host}/mcp`, close };
}
