// The MCP server: one stateless Server per request, both eras, over whatever carries JSON-RPC.
import {
  type McpRequestContext,
  ProtocolError,
  ProtocolErrorCode,
  Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import { toToolError } from "../shared/errors.ts";
import { INSTRUCTIONS } from "../shared/instructions.ts";
import { SERVER_NAME, SERVER_VERSION } from "../shared/server-info.ts";
import type { Backend, ListedTool } from "./backend.ts";
import { mcpError, mcpResult } from "./render.ts";

/** The tool list changes only with an update of the program, so clients may keep it for a while. */
const TOOLS_TTL_MS = 300_000;

export interface McpOptions {
  readonly backend: Backend;
  /** Told of errors that no client sees. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** Makes the Server that answers one request (HTTP) or one connection (stdio). */
export function mcpServerFactory({ backend, onError }: McpOptions) {
  return (_context?: McpRequestContext): Server => {
    const server = new Server(
      { name: SERVER_NAME, version: SERVER_VERSION, title: "ai-toolkit LoRA training" },
      {
        capabilities: { tools: {} },
        instructions: INSTRUCTIONS,
        cacheHints: { "tools/list": { ttlMs: TOOLS_TTL_MS, cacheScope: "private" } },
      },
    );
    server.setRequestHandler("tools/list", async () => ({ tools: (await backend.tools()).map(mutable) }));
    server.setRequestHandler("tools/call", async ({ params }, context) => {
      if (!(await backend.hasTool(params.name))) {
        throw new ProtocolError(
          ProtocolErrorCode.InvalidParams,
          `Tool not found: ${params.name.slice(0, 200)}`,
        );
      }
      try {
        return mcpResult(
          await backend.call(params.name, params.arguments, {
            signal: context.mcpReq.signal,
            onProgress: progressSender(context),
          }),
        );
      } catch (thrown) {
        const error = toToolError(thrown);
        if (error.code === "internal") onError?.(thrown);
        return mcpError(error);
      }
    });
    return server;
  };
}

/** The SDK types its lists as mutable; ours are shared by all requests and never changed. */
function mutable({ inputSchema, outputSchema, annotations, ...tool }: ListedTool) {
  return {
    ...tool,
    inputSchema: { ...inputSchema },
    ...(outputSchema && { outputSchema: { ...outputSchema } }),
    ...(annotations && { annotations: { ...annotations } }),
  };
}

function progressSender({ mcpReq }: ServerContext) {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return undefined;
  return (progress: { progress: number; total?: number | undefined; message?: string | undefined }) => {
    mcpReq.notify({ method: "notifications/progress", params: { progressToken, ...progress } }).catch(() => {
      // The client has left; the call's own signal says so to the one who works.
    });
  };
}
