// Where a request comes from, on Node.
import { getConnInfo } from "@hono/node-server/conninfo";
import type { Context } from "hono";

const LOOPBACK = new Set(["127.0.0.1", "::1", "::ffff:127.0.0.1"]);

/**
 * The other end of the socket; behind a proxy on this machine the address that this proxy saw, which it adds at the end of
 * X-Forwarded-For. What stands before it anybody may have written, and from elsewhere nobody's word is taken.
 */
export function addressOf(c: Context): string {
  const peer = getConnInfo(c).remote.address ?? "unknown";
  if (!LOOPBACK.has(peer)) return peer;
  return c.req.header("x-forwarded-for")?.split(",").at(-1)?.trim() || peer;
}
