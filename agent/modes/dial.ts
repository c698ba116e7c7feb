// The router that a mode with tools of its own dials, if it was told of one.
import type { Log } from "../../shared/log.ts";
import type { Agent } from "../agent.ts";
import { CALLED, inFolders } from "../called.ts";
import { FileRequests } from "../link/file-requests.ts";
import { isOpenToEavesdroppers, routerUrl } from "../link/router-url.ts";
import { Uplink } from "../link/uplink.ts";
import { logged } from "../logged.ts";
import { readMembership } from "../membership.ts";
import type { Options } from "../options.ts";
import { pathsOf } from "../paths.ts";
import { UsageError } from "../usage-error.ts";
import { helloOf } from "./hello.ts";

export interface Router {
  readonly url: URL;
  readonly token: string;
  readonly name: string | undefined;
}

/** undefined: none was named, and only the mode `agent` dials the one it has joined by itself. @throws UsageError */
export async function routerOf(options: Options): Promise<Router | undefined> {
  const { router, agentToken, name } = options.link;
  if (router === undefined && options.mode !== "agent") return undefined;
  const joined = await readMembership(pathsOf(options).state);
  const joinedUrl = joined && routerUrl(joined.router);
  const url = router ?? joinedUrl;
  if (!url) {
    throw new UsageError(
      "This machine has not joined a router yet. On the router's machine: mcp-ai-toolkit router pair\n" +
        `Then here:  ${CALLED} join https://ROUTER ${inFolders(options)} --name box222 --code XXXX-XXXX\n` +
        "Or name both:  --router https://ROUTER --agent-token-file FILE",
    );
  }
  // A credential goes to no router but its own.
  const own = joined && joinedUrl?.host === url.host && !isOpenToEavesdroppers(url) ? joined : undefined;
  const token = agentToken ?? own?.token;
  if (token === undefined) {
    throw new UsageError(
      `--router ${url.href} needs --agent-token-file FILE, or join it first: ${CALLED} join ${url.origin.replace("ws", "http")} ${inFolders(options)} --code XXXX-XXXX`,
    );
  }
  return { url, token, name: name ?? own?.name };
}

export function dial(
  { url, token, name }: Router,
  agent: Agent,
  options: Options,
  log: Log,
): Pick<Uplink, "refused" | "close"> {
  const { heartbeatMs } = options.link;
  const own = helloOf(agent, options);
  const hello = { ...own, name: name ?? own.name };
  const onTransferBug = (err: unknown) => log.error({ err }, "a transfer failed");
  const requests = new FileRequests({ files: agent.files, url, token, onBug: onTransferBug });
  const uplink = new Uplink({
    url,
    token,
    hello: { ...hello, heartbeat_ms: heartbeatMs },
    serve: requests.serving(logged(agent.serve, hello.name, log)),
    onBug: (err, tool, request_id) => log.error({ err, tool, request_id }, "a bug in a tool"),
    log,
  });
  return {
    refused: uplink.refused,
    async close() {
      await uplink.close();
      requests.close();
    },
  };
}
