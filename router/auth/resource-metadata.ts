// What tells OAuth clients where to get a token: RFC 9728. It is spoken of only where an issuer is configured, and only
// for /mcp: clients that see OAuth advertised drop the token they were given, so those use /t/mcp.
import type { Context } from "hono";
import { SCOPES, type Scope } from "../../shared/contract.ts";
import { SERVER_NAME } from "../../shared/server-info.ts";
import type { OAuthOptions } from "./jwt.ts";

export const METADATA_PATH = "/.well-known/oauth-protected-resource/mcp";
/** The same endpoint, for clients with a fixed token. */
export const STATIC_PREFIX = "/t";

function publicOrigin({ audience }: OAuthOptions, c: Context): string {
  return URL.canParse(audience) ? new URL(audience).origin : new URL(c.req.url).origin;
}

export function resourceMetadata(options: OAuthOptions, c: Context) {
  const { issuer, audience } = options;
  return {
    resource: URL.canParse(audience) ? audience : `${publicOrigin(options, c)}/mcp`,
    authorization_servers: [issuer],
    scopes_supported: SCOPES,
    bearer_methods_supported: ["header"],
    resource_name: SERVER_NAME,
  };
}

/** WWW-Authenticate of a 401, or of the 403 that asks for more scopes (RFC 6750 §3.1). */
export function challenge(
  options: OAuthOptions | undefined,
  c: Context,
  error?: "invalid_token" | "insufficient_scope",
  scopes: readonly Scope[] = ["read"],
): string {
  const parts = error ? [`error="${error}"`] : [];
  if (options && !c.req.path.startsWith(`${STATIC_PREFIX}/`)) {
    parts.push(
      `resource_metadata="${publicOrigin(options, c)}${METADATA_PATH}"`,
      `scope="${scopes.join(" ")}"`,
    );
  }
  return parts.length > 0 ? `Bearer ${parts.join(", ")}` : "Bearer";
}
