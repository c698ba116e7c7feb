// MCP over stdin and stdout, for clients that start their servers themselves. Logs go to stderr.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import { mcpServer } from "../../router/mcp.ts";
import type { Log } from "../../shared/log.ts";
import { createAgent } from "../agent.ts";
import type { Options } from "../options.ts";
import { localHub } from "./local-hub.ts";
import type { Running } from "./running.ts";
import { StdioTransport } from "./stdio-transport.ts";

export async function stdio(options: Options, log: Log): Promise<Running> {
  const agent = await createAgent(options, log);
  const backend = await localHub(agent, log);
  const transport = new StdioTransport(process.stdin, process.stdout);
  const ended = Promise.withResolvers<void>();
  const build = () => mcpServer({ backend, onError: (err) => log.error({ err }, "a tool call failed") });
  const handle = serveStdio(build, { transport, onerror: (err) => log.warn({ err }, "stdio") });
  const close = transport.onclose;
  transport.onclose = () => {
    close?.();
    ended.resolve();
  };
  return {
    url: null,
    ended: ended.promise,
    async close() {
      await handle.close();
      await agent.close();
    },
  };
}
