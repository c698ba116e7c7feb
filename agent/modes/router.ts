// mcp-ai-toolkit router: MCP and REST in public, the tools on machines that dial in.
import { tellOfIssuer } from "../../router/auth/issuer.ts";
import { createEdge } from "../../router/edge.ts";
import { hostPolicy } from "../../router/hosts.ts";
import { listen } from "../../router/node.ts";
import { addressOf } from "../../router/node-address.ts";
import { acceptAgent, acceptTransfer, websocketServer } from "../../router/node-agent-socket.ts";
import { routerDatabase } from "../../router/node-data.ts";
import { openSql } from "../../router/node-sql.ts";
import type { Log } from "../../shared/log.ts";
import { CALLED, inFolders } from "../called.ts";
import type { RouterOptions } from "./router-options.ts";
import type { Running } from "./running.ts";

const SWEEP_MS = 5_000;

export async function router(options: RouterOptions, log: Log): Promise<Running> {
  const sql = openSql(routerDatabase(options.data));
  const closing = new AbortController();
  const { app, fleet, tokens, answers } = createEdge({
    ...options,
    sql,
    policy: hostPolicy(options.allowHosts, options.allowOrigins),
    addressOf,
    accept: (hub) => acceptAgent(hub, log),
    acceptTransfer,
    closing: closing.signal,
    log,
  });
  if (options.oauth) void tellOfIssuer(options.oauth, log);
  else if (options.token === undefined && !options.insecure && tokens.list("client").length === 0) {
    const make = `${CALLED} token create ${inFolders(options)} --scope admin --label me`;
    log.warn({}, `nobody can call yet; make a token: ${make}`);
  }
  const listening = await listen(app, {
    ...options,
    websockets: websocketServer(),
    endCalls: () => fleet.hub.close(),
    closing: closing.signal,
  }).catch((error: unknown) => {
    sql.close();
    throw error;
  });
  const sweep = setInterval(() => void fleet.sweep(), SWEEP_MS);
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${listening.port}`,
    ended: new Promise(() => {}), // until it is closed
    async close() {
      clearInterval(sweep);
      fleet.hub.goAway("the router is restarting");
      closing.abort();
      await listening.close();
      answers.flush();
      sql.close();
    },
  };
}
