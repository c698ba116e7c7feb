// For tests: a router and agents as processes of their own, joined by real WebSockets.
import { vi } from "vitest";
import { type Program, type StartOptions, startProgram } from "./program.ts";
import type { Server } from "./subject.ts";

export const CLIENT_TOKEN = "the-token-of-the-clients-in-tests";
export const AGENT_TOKEN = "the-token-of-the-agents-in-tests";
const PATIENCE = { timeout: 20_000, interval: 25 };

/** @param port a router that is started again has to be found where it was */
export function startRouter({
  args = [],
  port = 0,
  ...options
}: StartOptions & { port?: number } = {}): Promise<Program> {
  return startProgram({
    ...options,
    command: "router",
    args: ["--port", String(port), ...args],
    env: { MCP_AI_TOOLKIT_TOKEN: CLIENT_TOKEN, MCP_AI_TOOLKIT_AGENT_TOKEN: AGENT_TOKEN, ...options.env },
  });
}

/** Starts an agent that dials `router`. It may not be connected yet. */
export function startAgent(
  router: string,
  name: string,
  { args = [], env, ...options }: StartOptions = {},
): Promise<Program> {
  return startProgram({
    ...options,
    command: "agent",
    args: ["--router", router, "--name", name, ...args],
    env: { MCP_AI_TOOLKIT_AGENT_TOKEN: AGENT_TOKEN, ...env },
  });
}

/** Waits until an agent has connected to its router so many times. */
export const connected = (agent: Program, times = 1) =>
  vi.waitFor(() => {
    const count = agent.log().split("connected to the router").length - 1;
    if (count < times) throw new Error(`connected ${count} times:\n${agent.log()}`);
  }, PATIENCE);

export interface Routed extends Server {
  readonly router: Program;
  readonly agent: Program;
}

/** One router, and one agent that is connected to it. */
export async function startRouted(options: StartOptions = {}): Promise<Routed> {
  const router = await startRouter();
  try {
    const agent = await startAgent(router.url, "box", options);
    await connected(agent);
    return {
      url: router.url,
      token: CLIENT_TOKEN,
      data: agent.data,
      router,
      agent,
      close: async () => void (await Promise.all([router.close(), agent.close()])),
    };
  } catch (error) {
    await router.close();
    throw error;
  }
}
