// The fixture as a server: on Node, and in workerd. Its agent is a process of its own on a real WebSocket.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { join } from "node:path";
import { AGENT_TOKEN } from "../../agent/testing/routed.ts";
import { startWorker } from "../../agent/testing/worker.ts";
import { Hub } from "../../router/hub.ts";
import { listen } from "../../router/node.ts";
import { acceptAgent, websocketServer } from "../../router/node-agent-socket.ts";
import { SILENT } from "../../shared/log.ts";
import { fixtureApp } from "./fixture-app.ts";

export interface FixtureServer {
  /** Of its MCP endpoint. */
  readonly url: string;
  close(): Promise<void>;
}

const AGENT = join(import.meta.dirname, "fixture-agent.ts");

export async function nodeFixture(): Promise<FixtureServer> {
  const agentToken = randomUUID();
  const hub = new Hub();
  const app = fixtureApp({ hub, agentToken, accept: acceptAgent(hub, SILENT), log: SILENT });
  const listening = await listen(app, {
    port: 0,
    host: "127.0.0.1",
    websockets: websocketServer(),
    endCalls: () => hub.close(),
  });
  return withAgent(`127.0.0.1:${listening.port}`, agentToken, () => listening.close(100));
}

export async function workerFixture(): Promise<FixtureServer> {
  const worker = await startWorker({ entry: "scripts/conformance/fixture-worker.ts" });
  return withAgent(new URL(worker.url).host, AGENT_TOKEN, () => worker.close());
}

async function withAgent(
  address: string,
  token: string,
  closeServer: () => Promise<void>,
): Promise<FixtureServer> {
  const agent = spawn(process.execPath, [AGENT, `ws://${address}/agent`, token], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const close = async () => {
    agent.kill();
    await closeServer();
  };
  const ended = once(agent, "exit").then(() => {
    throw new Error("The fixture's agent did not connect");
  });
  ended.catch(() => {}); // it ends when it has done its work, too
  try {
    await Promise.race([once(agent.stdout, "data"), ended]);
  } catch (error) {
    await close();
    throw error;
  }
  // The suite tries DNS rebinding on that name only.
  return { url: `http://${address.replace("127.0.0.1", "localhost")}/mcp`, close };
}
