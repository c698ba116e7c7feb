// Both eras of MCP behind one door. In a file of its own because the SDK takes longer to load than all the rest: it is
// loaded with the first MCP request, so that a restarted server answers at once.
import { createMcpHandler, isLegacyRequest } from "@modelcontextprotocol/server";
import type { Backend } from "./backend.ts";
import { handleLegacyBody, handleLegacyStream, type LegacyAnswer, wantsStream } from "./legacy-mcp.ts";
import { mcpServer } from "./mcp.ts";

/** `body`: the request's parsed body. `backend`: the tools as its caller sees them. */
export type McpEndpoint = (
  request: Request,
  body: unknown,
  backend: Backend,
) => Promise<Response | LegacyAnswer>;

export function mcpEndpoint(onError: (error: unknown) => void): McpEndpoint {
  // The SDK's handler is made once and carries nothing through but the request.
  const backends = new WeakMap<Request, Backend>();
  const modern = createMcpHandler(
    ({ requestInfo }) => {
      const backend = requestInfo && backends.get(requestInfo);
      if (!backend) throw new Error("the SDK did not hand on the request");
      return mcpServer({ backend, onError });
    },
    // What it reports are clients' mistakes; each has its answer already.
    { legacy: "reject", onerror: () => {} },
  );
  return async (request, body, backend) => {
    const build = () => mcpServer({ backend, onError });
    // The SDK's classification, so that no request is ever seen as of both eras.
    if (!isPlainlyLegacy(body) && !(await isLegacyRequest(request, body))) {
      backends.set(request, backend);
      return modern.fetch(request, { parsedBody: body });
    }
    if (wantsStream(request.headers.get("accept") ?? undefined, body)) {
      return handleLegacyStream(build, request, body);
    }
    return handleLegacyBody(build, body, request.signal);
  };
}

const MODERN_CLAIM = "io.modelcontextprotocol/protocolVersion";

/** A batch, or a message without the envelope of the new era: no need to ask further. */
function isPlainlyLegacy(body: unknown): boolean {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return true;
  const meta = (body as { params?: { _meta?: Record<string, unknown> | null } | null }).params?._meta;
  return typeof meta !== "object" || meta === null || meta[MODERN_CLAIM] === undefined;
}
