// What the modes with an HTTP port share: the app on a socket.
import { type AppOptions, createApp } from "../../router/app.ts";
import { type Authenticate, firstOf, ownerToken } from "../../router/auth/authenticate.ts";
import type { Backend } from "../../router/backend.ts";
import { hostPolicy } from "../../router/hosts.ts";
import { listen } from "../../router/node.ts";
import type { Log } from "../../shared/log.ts";
import type { Options } from "../options.ts";
import { pathsOf } from "../paths.ts";
import { isLoopback } from "../serve-options.ts";
import { ownTokens } from "./own-tokens.ts";
import type { Running } from "./running.ts";

/** Who is not known is let in where that was asked for, and on loopback unless a token was named. */
function authenticateOf({ host, token, insecure }: Options, own: Authenticate): Authenticate {
  const isOpen = token === undefined && (insecure || isLoopback(host));
  return token !== undefined || isOpen ? firstOf(own, ownerToken(token)) : own;
}

export async function serveHttp(
  backend: Backend,
  surface: "mcp" | "rest",
  options: Options,
  log: Log,
  mcp?: AppOptions["mcp"],
): Promise<Running> {
  const tokens = ownTokens(pathsOf(options).tokens);
  const app = createApp({
    backend,
    surface,
    policy: hostPolicy(options.allowHosts, options.allowOrigins),
    authenticate: authenticateOf(options, tokens.authenticate),
    mcp,
    log,
  });
  const listening = await listen(app, options).catch((error: unknown) => {
    tokens[Symbol.dispose]();
    throw error;
  });
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${listening.port}`,
    ended: new Promise(() => {}), // until it is closed
    async close() {
      await listening.close();
      tokens[Symbol.dispose]();
    },
  };
}
