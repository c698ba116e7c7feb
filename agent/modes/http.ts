// What the modes with an HTTP port share: the app on a socket.
import { type AppOptions, createApp } from "../../router/app.ts";
import { type Authenticate, firstOf, ownerToken } from "../../router/auth/authenticate.ts";
import { issuerTokens, tellOfIssuer } from "../../router/auth/issuer.ts";
import type { Backend } from "../../router/backend.ts";
import { hostPolicy } from "../../router/hosts.ts";
import { listen } from "../../router/node.ts";
import { addressOf } from "../../router/node-address.ts";
import type { Log } from "../../shared/log.ts";
import { isLoopback } from "../loopback.ts";
import type { Options } from "../options.ts";
import { pathsOf } from "../paths.ts";
import { ownTokens } from "./own-tokens.ts";
import type { Running } from "./running.ts";

/**
 * Who is not known is let in where that was asked for, and on loopback unless the owner has said who is: by a token, or by
 * naming whose are taken.
 */
function authenticateOf(
  { host, token, oauth, insecure }: Options,
  own: Authenticate,
  log: Log,
): Authenticate {
  const isOpen = token === undefined && (insecure || (isLoopback(host) && !oauth));
  return firstOf(
    own,
    ...(token === undefined ? [] : [ownerToken(token)]),
    ...(oauth ? [issuerTokens(oauth, log)] : []),
    ...(isOpen ? [ownerToken(undefined)] : []),
  );
}

export interface HttpParts {
  readonly mcp?: AppOptions["mcp"];
  readonly files?: AppOptions["files"];
  /** Ends what the last requests wait for. */
  readonly endCalls?: () => void;
}

export async function serveHttp(
  backend: Backend,
  surface: "mcp" | "rest",
  options: Options,
  log: Log,
  { mcp, files, endCalls }: HttpParts = {},
): Promise<Running> {
  const closing = new AbortController();
  const tokens = ownTokens(pathsOf(options).tokens);
  const app = createApp({
    backend,
    surface,
    policy: hostPolicy(options.allowHosts, options.allowOrigins),
    authenticate: authenticateOf(options, tokens.authenticate, log),
    oauth: options.oauth,
    addressOf,
    publicUrl: options.publicUrl,
    files,
    linkMakers: tokens.linkMakers,
    mcp: { ...mcp, closing: closing.signal },
    log,
  });
  if (options.oauth) void tellOfIssuer(options.oauth, log);
  const listening = await listen(app, { ...options, endCalls, closing: closing.signal }).catch(
    (error: unknown) => {
      tokens[Symbol.dispose]();
      throw error;
    },
  );
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${listening.port}`,
    ended: new Promise(() => {}), // until it is closed
    async close() {
      closing.abort();
      await listening.close();
      tokens[Symbol.dispose]();
    },
  };
}
