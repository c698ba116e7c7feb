// The address under which a client reaches us, as it stands in front of the links we give out.
import type { Context } from "hono";
import { type HostPolicy, isAllowedHost } from "./hosts.ts";

/**
 * From `--public-url`, or else from how this request came: through a proxy, by what that says of the client's request.
 * Only host names that may be called count, so nobody makes us give out links to another host.
 */
export function publicBase(c: Context, policy: HostPolicy, publicUrl: string | undefined): string {
  if (publicUrl !== undefined) return publicUrl;
  const url = new URL(c.req.url);
  const forwarded = firstOf(c.req.header("x-forwarded-host"));
  const host =
    forwarded !== undefined && isAllowedHost(policy, forwarded)
      ? forwarded
      : (c.req.header("host") ?? url.host);
  const scheme = firstOf(c.req.header("x-forwarded-proto"));
  return `${scheme === "https" || scheme === "http" ? scheme : url.protocol.slice(0, -1)}://${host}`;
}

/** Each proxy on the way adds one; the first is what the client asked. */
function firstOf(header: string | undefined): string | undefined {
  return header?.split(",")[0]?.trim() || undefined;
}
