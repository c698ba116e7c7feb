// What the client of a request can do.
import {
  CLIENT_CAPABILITIES_META_KEY,
  type ClientCapabilities,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";

/** As declared with the request itself, as clients of the new era do; undefined in the old one. */
export function declaredWith({ mcpReq: { envelope } }: ServerContext): ClientCapabilities | undefined {
  const said = envelope as Readonly<Record<string, unknown>> | undefined;
  return said?.[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined; // checked by the SDK
}

/** The same, or what was declared once for all. Extensions are of the new era only. */
export function clientOf(server: Server, context: ServerContext): ClientCapabilities {
  const { extensions: _none, ...known } = server.getClientCapabilities() ?? {};
  return declaredWith(context) ?? known;
}
