// A router, on Node or in workerd, and an agent that has dialled it: the built program and the built Worker, each process
// its own.
import { resolve } from "node:path";
import { childOf } from "../agent/testing/child-of.ts";
import type { Result } from "./measure.ts";
import { BUILT, type Program, post, startProgram, toolsCall } from "./program.ts";
import { scratchFolder } from "./scratch.ts";

const here = import.meta.dirname;
const TOKENS = {
  MCP_AI_TOOLKIT_TOKEN: "the-token-of-the-clients-of-this-bench",
  MCP_AI_TOOLKIT_AGENT_TOKEN: "the-token-of-the-agents-of-this-bench",
};
export const headers = { authorization: `Bearer ${TOKENS.MCP_AI_TOOLKIT_TOKEN}` };

const startNode = async (): Promise<Program> =>
  startProgram([BUILT, "router", "--data", await scratchFolder(), "--port", "0"], TOKENS);

/** The process that counts is workerd, a child of the one that starts it. */
async function startWorkerd(): Promise<Program> {
  const host = await startProgram([resolve(here, "worker.ts"), await scratchFolder()], TOKENS);
  try {
    return { ...host, pid: await childOf(host.pid, "workerd") };
  } catch (error) {
    await host.stop();
    throw error;
  }
}

export interface Runtime {
  readonly name: string;
  readonly start: () => Promise<Program>;
}

export const NODE: Runtime = { name: "Node", start: startNode };
export const WORKERD: Runtime = { name: "workerd", start: startWorkerd };

/** Which of the two it was is said in front. */
export const named = ({ name }: Runtime, results: readonly Result[]): Result[] =>
  results.map((result) => ({ ...result, what: `${name}: ${result.what}` }));

export interface Routed {
  readonly router: Program;
  readonly agent: Program;
  /** The agent's folder. */
  readonly data: string;
  /** Calls a tool by REST. @param url where the router is reached */
  call(tool: string, args: object, url?: string): Promise<Record<string, unknown>>;
  /** The cheapest tool, by MCP. */
  toolCall(): Promise<unknown>;
  stop(): Promise<void>;
}

/** @param reach under which URL the agent reaches the router, if not its own */
export async function startRouted(
  { start }: Runtime,
  reach: (routerUrl: string) => Promise<string> = async (url) => url,
): Promise<Routed> {
  const router = await start();
  try {
    const data = await scratchFolder();
    const at = await reach(router.url);
    const agent = await startProgram(
      [BUILT, "agent", "--data", data, "--trainer", "rehearsal", "--port", "0", "--router", at],
      TOKENS,
    );
    const toolCall = () => toolsCall(router.url, "legacy", "list_configs", headers);
    while (JSON.stringify(await toolCall()).includes("agent_offline"))
      await new Promise((next) => setTimeout(next, 50));
    return {
      router,
      agent,
      data,
      toolCall,
      async call(tool, args, url = router.url) {
        const answer = (await post(`${url}/mcp/execute`, { tool, arguments: args }, headers)) as {
          result?: { content: { text: string }[] };
        };
        return JSON.parse(answer.result?.content[0]?.text ?? "{}");
      },
      stop: async () => void (await Promise.all([router.stop(), agent.stop()])),
    };
  } catch (error) {
    await router.stop();
    throw error;
  }
}
