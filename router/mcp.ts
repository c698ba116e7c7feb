// The MCP server: one stateless Server per request, both eras, over whatever carries JSON-RPC.
import { ProtocolError, ProtocolErrorCode, Server, type ServerContext } from "@modelcontextprotocol/server";
import type { Progress } from "../shared/contract.ts";
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

/** The Server that answers one request (HTTP) or one connection (stdio). */
export function mcpServer({ backend, onError }: McpOptions): Server {
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
    const progress = progressOf(context);
    try {
      const { signal } = context.mcpReq;
      return mcpResult(
        await backend.call(params.name, params.arguments, { signal, onProgress: progress.send }),
      );
    } catch (thrown) {
      const error = toToolError(thrown);
      if (error.code === "internal") onError?.(thrown);
      return mcpError(error);
    } finally {
      await progress.sent(); // what comes after the result finds nobody
    }
  });
  return server;
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

interface ProgressSender {
  /** undefined: the client did not ask for it. */
  readonly send: ((progress: Progress) => void) | undefined;
  /** Resolves when all of it has gone out. */
  sent(): Promise<void>;
}

function progressOf({ mcpReq }: ServerContext): ProgressSender {
  const progressToken = mcpReq._meta?.progressToken;
  if (progressToken === undefined) return { send: undefined, sent: async () => {} };
  let last: Promise<void> = Promise.resolve();
  return {
    send(progress) {
      const message = { method: "notifications/progress" as const, params: { progressToken, ...progress } };
      const gone = mcpReq.notify(message).catch(() => {}); // the client has left; the call's own signal says so
      last = last.then(() => gone);
    },
    sent: () => last,
  };
}
