// MCP and REST over HTTP, with the tools of this machine; and the same tools for a router, if there is one.
import { Changes } from "../../router/changes.ts";
import type { Log } from "../../shared/log.ts";
import { createAgent } from "../agent.ts";
import type { Options } from "../options.ts";
import { dial, routerOf } from "./dial.ts";
import { serveHttp } from "./http.ts";
import { localFleet } from "./local-fleet.ts";
import { mcpStore } from "./mcp-store.ts";
import { EXIT_REFUSED, type Running } from "./running.ts";

/** `surface` "rest" is server mode: the tools without MCP. */
export async function standalone(
  options: Options,
  log: Log,
  surface: "mcp" | "rest" = "mcp",
): Promise<Running> {
  const router = await routerOf(options);
  const agent = await createAgent(options, log);
  const store = mcpStore(options);
  try {
    const changes = new Changes(["resources"]); // its tools are always the same
    const fleet = await localFleet(agent, options, log, changes);
    const http = await serveHttp(fleet, surface, options, log, {
      mcp: { store: store.open, changes, watchJobs: () => fleet.watchJobs() },
      files: async (request) => (await agent.files()).handle(request),
      endCalls: () => {
        fleet.hub.goAway("the server is ending");
        fleet.hub.close();
      },
    });
    const uplink = router && dial(router, agent, options, log);
    return {
      url: http.url,
      // Other modes have their own callers, and go on without the router.
      ended: uplink && options.mode === "agent" ? uplink.refused.then(() => EXIT_REFUSED) : http.ended,
      check: () => agent.check(),
      async close() {
        await Promise.all([http.close(), uplink?.close()]);
        store.close();
        await agent.close();
      },
    };
  } catch (error) {
    store.close();
    await agent.close();
    throw error;
  }
}
