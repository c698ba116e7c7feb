// All routes, no runtime. What a mode serves is a choice of surface.
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { errorBody, errorStatus, ToolError, toToolError } from "../shared/errors.ts";
import { FILES_PATH, withoutToken } from "../shared/file-links.ts";
import type { Log } from "../shared/log.ts";
import { type Administration, adminRoutes, joinRoute } from "./admin-routes.ts";
import { type AgentDoor, agentRoute, TRANSFER_PATH } from "./agent-door.ts";
import type { AppEnv } from "./app-env.ts";
import { audited } from "./audit.ts";
import type { Authenticate } from "./auth/authenticate.ts";
import type { Caller } from "./auth/caller.ts";
import { type AddressOf, door } from "./auth/door.ts";
import { FailureLimit } from "./auth/failures.ts";
import type { OAuthOptions } from "./auth/jwt.ts";
import { METADATA_PATH, resourceMetadata, STATIC_PREFIX } from "./auth/resource-metadata.ts";
import type { Backend } from "./backend.ts";
import { browsers, preflight } from "./browsers.ts";
import { CallMetrics } from "./call-metrics.ts";
import { fileRoutes } from "./file-routes.ts";
import type { FileHandler } from "./forward-files.ts";
import type { HostPolicy } from "./hosts.ts";
import { keyed } from "./keyed.ts";
import type { LinkMakers } from "./link-makers.ts";
import { linked } from "./linked.ts";
import type { McpEndpointOptions } from "./mcp-endpoint.ts";
import { mcpRoutes } from "./mcp-routes.ts";
import { monitoring } from "./monitoring.ts";
import { isBug, named, observed } from "./observed.ts";
import { publicBase } from "./public-base.ts";
import { requestIds } from "./request-ids.ts";
import { mcpRest, serverRest } from "./rest.ts";
import { scoped } from "./scoped.ts";
import { CARD_PATH, serverCard } from "./server-card.ts";
import { unknownRoute } from "./unknown-route.ts";

export interface AppOptions {
  readonly backend: Backend;
  /** `mcp`: MCP and REST as in the old standalone mode. `rest`: the old server mode. */
  readonly surface: "mcp" | "rest";
  readonly policy: HostPolicy;
  readonly authenticate: Authenticate;
  /** Tokens, pairing and the audit log, where this server keeps any. */
  readonly administration?: Administration | undefined;
  /** An authorization server whose tokens are taken, beside our own. */
  readonly oauth?: OAuthOptions | undefined;
  /** Where machines dial in; absent where the tools are this machine's own. */
  readonly agentDoor?: AgentDoor | undefined;
  /** Answers requests for `/files/…`; absent where there are no files. */
  readonly files?: FileHandler | undefined;
  /** Where links end with the token that made them. */
  readonly linkMakers?: Pick<LinkMakers, "note" | "check"> | undefined;
  /** In front of the links we give out; absent: as each request came. */
  readonly publicUrl?: string | undefined;
  readonly addressOf?: AddressOf | undefined;
  /** What MCP serves beside the tools. */
  readonly mcp?: Omit<McpEndpointOptions, "onError"> | undefined;
  readonly log: Log;
}

/**
 * Answered without a client's token: a monitor's questions, what says how to speak to us (or, by a 404, that there is no
 * OAuth), a machine that brings a pairing code, and one that brings a credential of its own.
 */
const OPEN = new Set(["/health", "/ready", "/join", "/agent"]);
/** A link is its own permission; a machine brings its credential. */
const OPEN_BELOW = ["/.well-known/", FILES_PATH, TRANSFER_PATH];
export const isOpen = (path: string) =>
  OPEN.has(path) || path === CARD_PATH || OPEN_BELOW.some((start) => path.startsWith(start));
/** The address of one machine of several. */
const MACHINE = "/m/:machine";

export function createApp(options: AppOptions): Hono<AppEnv> {
  const {
    backend,
    surface,
    policy,
    authenticate,
    administration,
    oauth,
    agentDoor,
    files,
    linkMakers,
    publicUrl,
    addressOf = () => "unknown",
    log,
  } = options;
  const app = new Hono<AppEnv>();
  const failures = new FailureLimit();
  const calls = new CallMetrics();
  const hooks = {
    onBug: (thrown: unknown) => isBug(thrown) && log.error({ err: thrown }, "a bug in this router"),
  };
  const viewOf = (c: Context<AppEnv>, caller: Caller, of = backend) => {
    const view = scoped(of, caller, (scope) => c.set("lacks", scope));
    const kept = administration ? audited(view, caller, administration.audit, hooks.onBug) : view;
    return observed(kept, { caller, requestId: () => c.var.requestId, calls, log });
  };

  app.use(...requestIds(), browsers(policy, log));
  app.options("*", preflight);
  app.use(door({ authenticate, viewOf, isOpen, addressOf, failures, oauth, log }));
  app.use(`${MACHINE}/*`, async (c, next) => {
    const name = c.req.param("machine");
    const machine = backend.at?.(name);
    if (!machine) throw new ToolError("not_found", `There is no machine '${name.slice(0, 50)}' here`);
    c.set("backend", viewOf(c, c.var.caller, machine));
    await next();
  });
  app.use(async (c, next) => {
    const { backend: whole, caller } = c.var;
    if (whole && files) {
      const base = publicBase(c, policy, publicUrl);
      c.set(
        "backend",
        linked(whole, base, (path, expiresAt) => linkMakers?.note(path, caller.id, expiresAt)),
      );
    }
    await next();
  });
  app.use(async (c, next) => {
    const key = c.req.header("idempotency-key");
    if (key !== undefined && c.var.caller) c.set("backend", keyed(c.var.backend, c.var.caller.id, key));
    await next();
  });

  const mode = surface === "rest" ? "server" : undefined;
  app.route(
    "/",
    monitoring({ backend, calls, transfers: agentDoor?.transfers?.expected.metrics, authenticate, mode }),
  );
  if (surface === "mcp") {
    // One for all: who listens for changes listens to the same.
    const mcp = mcpRoutes({ ...options.mcp, onError: hooks.onBug });
    app.route(
      "/",
      serverCard(async () => (await authenticate(undefined)) === undefined),
    );
    for (const base of ["/", MACHINE]) {
      app.route(base, mcpRest(hooks));
      app.route(base, mcp);
    }
    if (oauth) {
      app.route(STATIC_PREFIX, mcp);
      app.get(METADATA_PATH, (c) => c.json(resourceMetadata(oauth, c)));
    }
  } else {
    app.route("/", serverRest(hooks));
  }

  if (administration) {
    app.route("/", adminRoutes(administration));
    app.route("/", joinRoute(administration, failures, addressOf));
  }

  if (files) app.route("/", fileRoutes(files, linkMakers, failures, addressOf));
  if (agentDoor) app.route("/", agentRoute(agentDoor, failures, addressOf, log));

  app.notFound(unknownRoute(app));
  app.onError((thrown, c) => {
    const error = toToolError(thrown);
    const { requestId } = c.var;
    if (isBug(thrown))
      log.error(
        { err: thrown, request_id: requestId, path: withoutToken(c.req.path) },
        "a bug in this router",
      );
    const told = error.code === "internal" ? named(error, requestId) : error;
    return c.json({ success: false, ...errorBody(told) }, errorStatus(told) as ContentfulStatusCode);
  });
  return app;
}
