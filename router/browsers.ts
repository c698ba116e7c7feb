// What web pages may do here: Host and Origin are checked, and answers have the headers that browsers look for.
import type { Context, MiddlewareHandler } from "hono";
import { withoutToken } from "../shared/file-links.ts";
import type { Log } from "../shared/log.ts";
import { type HostPolicy, refusal } from "./hosts.ts";

export function browsers(policy: HostPolicy, log: Log): MiddlewareHandler {
  return async (c, next) => {
    const origin = c.req.header("origin");
    const problem = refusal(policy, c.req.header("host"), origin);
    if (problem) {
      log.warn({ path: withoutToken(c.req.path), problem }, "refused");
      return c.json({ success: false, code: "forbidden", error: problem }, 403);
    }
    await next();
    // Afterwards: the SDK makes answers of its own, which would not have headers that were set before.
    if (origin !== undefined) {
      c.header("access-control-allow-origin", origin);
      c.header("access-control-expose-headers", "Mcp-Session-Id, X-Request-Id");
      c.header("vary", "Origin");
    }
    c.header("x-content-type-options", "nosniff");
    // What has a tag of its own is the same for everybody.
    if (!c.res.headers.has("etag")) c.header("cache-control", "no-store");
    return undefined;
  };
}

/** Answers what a browser asks before it sends a page's request. */
export function preflight(c: Context): Response {
  c.header("access-control-allow-methods", "GET, POST, OPTIONS");
  c.header(
    "access-control-allow-headers",
    "Content-Type, Authorization, Idempotency-Key, X-Request-Id, Mcp-Session-Id, Mcp-Response-Mode, Mcp-Protocol-Version, Mcp-Method, Mcp-Name",
  );
  c.header("access-control-max-age", "86400");
  return c.body(null, 200);
}
