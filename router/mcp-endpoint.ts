// Both eras of MCP behind one door. In a file of its own because the SDK takes longer to load than all the rest: it is
// loaded with the first MCP request, so that a restarted server answers at once.
import { createMcpHandler, isLegacyRequest } from "@modelcontextprotocol/server";
import { handleLegacyBody, handleLegacyStream, type LegacyAnswer, wantsStream } from "./legacy-mcp.ts";
import { type McpOptions, mcpServerFactory } from "./mcp.ts";

/** `body`: the request's parsed body. */
export type McpEndpoint = (request: Request, body: unknown) => Promise<Response | LegacyAnswer>;

export function mcpEndpoint(options: McpOptions): McpEndpoint {
  const build = mcpServerFactory(options);
  // What it reports are clients' mistakes; each has its answer already.
  const modern = createMcpHandler(build, { legacy: "reject", onerror: () => {} });
  return async (request, body) => {
    // The SDK's classification, so that no request is ever seen as of both eras.
    if (!isPlainlyLegacy(body) && !(await isLegacyRequest(request, body))) {
      return modern.fetch(request, { parsedBody: body });
    }
    if (wantsStream(request.headers.get("accept") ?? undefined, body)) {
      return handleLegacyStream(() => build(), request, body);
    }
    return handleLegacyBody(() => build(), body, request.signal);
  };
}

const MODERN_CLAIM = "io.modelcontextprotocol/protocolVersion";

/** A batch, or a message without the envelope of the new era: no need to ask further. */
function isPlainlyLegacy(body: unknown): boolean {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return true;
  const meta = (body as { params?: { _meta?: Record<string, unknown> | null } | null }).params?._meta;
  return typeof meta !== "object" || meta === null || meta[MODERN_CLAIM] === undefined;
}
