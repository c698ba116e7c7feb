// What the modes with an HTTP port share: the app on a socket.
import { type AppOptions, createApp } from "../../router/app.ts";
import { ownerToken } from "../../router/auth/authenticate.ts";
import type { Backend } from "../../router/backend.ts";
import { hostPolicy } from "../../router/hosts.ts";
import { listen } from "../../router/node.ts";
import type { Log } from "../../shared/log.ts";
import type { Options } from "../options.ts";
import type { Running } from "./running.ts";

export async function serveHttp(
  backend: Backend,
  surface: "mcp" | "rest",
  options: Options,
  log: Log,
  mcp?: AppOptions["mcp"],
): Promise<Running> {
  const app = createApp({
    backend,
    surface,
    policy: hostPolicy(options.allowHosts, options.allowOrigins),
    authenticate: ownerToken(options.token),
    mcp,
    log,
  });
  const listening = await listen(app, options);
  const host = options.host.includes(":") ? `[${options.host}]` : options.host;
  return {
    url: `http://${host}:${listening.port}`,
    ended: new Promise(() => {}), // until it is closed
    close: () => listening.close(),
  };
}
