// MCP over stdin and stdout, for clients that start their servers themselves. Logs go to stderr.
import { serveStdio } from "@modelcontextprotocol/server/stdio";
import type { Caller } from "../../router/auth/caller.ts";
import { trainingFeatures } from "../../router/features/training-features.ts";
import { linked } from "../../router/linked.ts";
import type { Era } from "../../router/mcp/features.ts";
import { mcpServer } from "../../router/mcp.ts";
import { isBug, observed } from "../../router/observed.ts";
import type { Log } from "../../shared/log.ts";
import { createAgent } from "../agent.ts";
import type { Options } from "../options.ts";
import { dial, routerOf } from "./dial.ts";
import { localFleet } from "./local-fleet.ts";
import { mcpStore } from "./mcp-store.ts";
import type { Running } from "./running.ts";
import { StdioTransport } from "./stdio-transport.ts";

/** Whoever has started us. */
const CLIENT: Caller = { id: "stdio", label: "stdio", scopes: ["admin"] };

export async function stdio(options: Options, log: Log): Promise<Running> {
  const router = await routerOf(options);
  const agent = await createAgent(options, log);
  const fleet = await localFleet(agent, options, log);
  const seen = observed(fleet, { caller: CLIENT, requestId: () => crypto.randomUUID(), log });
  // Links lead to where a router is reached, if anywhere.
  const backend = linked(seen, options.publicUrl);
  const uplink = router && dial(router, agent, options, log);
  const transport = new StdioTransport(process.stdin, process.stdout);
  const ended = Promise.withResolvers<number>();
  const store = mcpStore(options);
  const features = trainingFeatures(store.open)({ backend, id: "stdio" });
  const onError = (err: unknown) => isBug(err) && log.error({ err }, "a bug in this server");
  const build = ({ era }: { readonly era: Era }) =>
    mcpServer({ backend, features, era, introduces: true, onError });
  const handle = serveStdio(build, { transport, onerror: (err) => log.warn({ err }, "stdio") });
  const close = transport.onclose;
  transport.onclose = () => {
    close?.();
    ended.resolve(0);
  };
  return {
    url: null,
    ended: ended.promise,
    async close() {
      await Promise.all([handle.close(), uplink?.close()]);
      store.close();
      await agent.close();
    },
  };
}
