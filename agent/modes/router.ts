// mcp-ai-toolkit router: MCP and REST in public, the tools on machines that dial in.

import { agentTokens, sharedAgentToken } from "../../router/agent-door.ts";
import { createApp } from "../../router/app.ts";
import { Audit } from "../../router/audit.ts";
import { type Authenticate, firstOf, ownerToken } from "../../router/auth/authenticate.ts";
import { Pairing } from "../../router/auth/pairing.ts";
import { clientTokens, TokenStore } from "../../router/auth/tokens.ts";
import { Fleet } from "../../router/fleet.ts";
import { hostPolicy } from "../../router/hosts.ts";
import { LastAnswers } from "../../router/last-answers.ts";
import { MachineRegistry } from "../../router/machine-registry.ts";
import { listen } from "../../router/node.ts";
import { acceptAgent, websocketServer } from "../../router/node-agent-socket.ts";
import { routerDatabase } from "../../router/node-data.ts";
import { openSql } from "../../router/node-sql.ts";
import type { Log } from "../../shared/log.ts";
import type { RouterOptions } from "./router-options.ts";
import type { Running } from "./running.ts";

/** How long an answer of a read tool may wait to be written down. */
const FLUSH_MS = 2_000;
const SWEEP_MS = 5_000;

/** Nobody is let in without a token: behind a proxy all the world comes from loopback. */
function authenticateOf({ token, insecure }: RouterOptions, tokens: TokenStore): Authenticate {
  const own = clientTokens(tokens);
  if (token !== undefined) return firstOf(ownerToken(token), own);
  return insecure ? firstOf(own, ownerToken(undefined)) : own;
}

export async function router(options: RouterOptions, log: Log): Promise<Running> {
  const sql = openSql(routerDatabase(options.data));
  const tokens = new TokenStore(sql);
  const later = (flush: () => void) =>
    void setTimeout(() => {
      try {
        flush();
      } catch (err) {
        log.error({ err }, "last answers could not be written");
      }
    }, FLUSH_MS);
  const answers = new LastAnswers(sql, later);
  const fleet = new Fleet({
    machines: new MachineRegistry(sql),
    answers,
    onError: (err) => log.error({ err }, "a note could not be kept"),
    onDetach: (machine, reason) => log.warn({ machine, reason }, "machine gone"),
  });
  const auth = [agentTokens(tokens), ...(options.agentToken ? [sharedAgentToken(options.agentToken)] : [])];
  const app = createApp({
    backend: fleet,
    surface: "mcp",
    policy: hostPolicy(options.allowHosts, options.allowOrigins),
    authenticate: authenticateOf(options, tokens),
    administration: { tokens, pairing: new Pairing(sql, tokens), audit: new Audit(sql) },
    agentDoor: { auth, accept: acceptAgent(fleet.hub, log) },
    log,
  });
  const websockets = { server: websocketServer(), close: () => fleet.hub.close() };
  if (options.token === undefined && !options.insecure && tokens.list("client").length === 0) {
    log.warn({}, "nobody can call yet; make a token: mcp-ai-toolkit token create --scope admin --label me");
  }
  const listening = await listen(app, { ...options, websockets }).catch((error: unknown) => {
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
      await listening.close();
      answers.flush();
      sql.close();
    },
  };
}
