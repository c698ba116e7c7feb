// All routes, no runtime. What a mode serves is a choice of surface.
import { Hono } from "hono";
import type { Log } from "../shared/log.ts";
import type { AppEnv } from "./app-env.ts";
import type { Authenticate } from "./auth/authenticate.ts";
import type { Backend } from "./backend.ts";
import { healthReport } from "./health.ts";
import { type HostPolicy, refusal } from "./hosts.ts";
import { mcpRoutes } from "./mcp-routes.ts";
import { mcpRest, serverRest } from "./rest.ts";
import { scoped } from "./scoped.ts";

export interface AppOptions {
  readonly backend: Backend;
  /** `mcp`: MCP and REST as in the old standalone mode. `rest`: the old server mode. */
  readonly surface: "mcp" | "rest";
  readonly policy: HostPolicy;
  readonly authenticate: Authenticate;
  readonly log: Log;
}

/** Answered without a token: a monitor's question, and what says how to speak to us (or, by a 404, that there is no OAuth). */
const isOpen = (path: string) => path === "/health" || path.startsWith("/.well-known/");

export function createApp({ backend, surface, policy, authenticate, log }: AppOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  const hooks = { onBug: (thrown: unknown) => log.error({ err: thrown }, "a tool call failed") };

  app.use(async (c, next) => {
    const origin = c.req.header("origin");
    const problem = refusal(policy, c.req.header("host"), origin);
    if (problem) {
      log.warn({ path: c.req.path, problem }, "refused");
      return c.json({ success: false, code: "forbidden", error: problem }, 403);
    }
    await next();
    // Afterwards: the SDK makes answers of its own, which would not have headers that were set before.
    if (origin !== undefined) {
      c.header("access-control-allow-origin", origin);
      c.header("access-control-expose-headers", "Mcp-Session-Id");
      c.header("vary", "Origin");
    }
    c.header("x-content-type-options", "nosniff");
    c.header("cache-control", "no-store");
    return undefined;
  });
  app.options("*", (c) => {
    c.header("access-control-allow-methods", "GET, POST, OPTIONS");
    c.header(
      "access-control-allow-headers",
      "Content-Type, Authorization, Mcp-Session-Id, Mcp-Response-Mode, Mcp-Protocol-Version, Mcp-Method, Mcp-Name",
    );
    c.header("access-control-max-age", "86400");
    return c.body(null, 200);
  });
  app.use(async (c, next) => {
    if (isOpen(c.req.path)) return next();
    const caller = await authenticate(c.req.header("authorization"));
    if (caller) {
      c.set("caller", caller);
      c.set("backend", scoped(backend, caller));
      return next();
    }
    // No resource_metadata: clients that see OAuth advertised drop the token they were given.
    return c.json(
      { success: false, code: "unauthorized", error: "Send Authorization: Bearer <token>" },
      401,
      {
        "www-authenticate": "Bearer",
      },
    );
  });

  app.get("/health", async (c) => {
    const details = (await authenticate(c.req.header("authorization"))) !== undefined;
    return c.json(await healthReport(backend, surface === "rest" ? "server" : undefined, details));
  });
  if (surface === "mcp") {
    app.route("/", mcpRest(hooks));
    app.route("/", mcpRoutes(hooks.onBug));
  } else {
    app.route("/", serverRest(hooks));
  }

  app.notFound((c) => {
    const path = c.req.path.slice(0, 200);
    const allowed = methodsOf(app, c.req.path);
    if (allowed.length === 0)
      return c.json({ success: false, code: "not_found", error: `No such route: ${path}` }, 404);
    const error = `${path} takes ${allowed.join(" or ")}, not ${c.req.method}`;
    return c.json({ success: false, code: "invalid_input", error }, 405, { allow: allowed.join(", ") });
  });
  app.onError((thrown, c) => {
    hooks.onBug(thrown);
    return c.json({ success: false, code: "internal", error: "Internal error: see the server's log" }, 500);
  });
  return app;
}

/** What a path can be asked with; empty when there is no such path. */
function methodsOf(app: Hono<AppEnv>, path: string): string[] {
  const parts = path.split("/");
  const matches = (pattern: string) => {
    const wanted = pattern.split("/");
    return (
      wanted.length === parts.length &&
      wanted.every((part, index) => part.startsWith(":") || part === parts[index])
    );
  };
  const methods = app.routes
    .filter((route) => route.method !== "ALL" && matches(route.path))
    .map((route) => route.method);
  return [...new Set(methods)];
}
