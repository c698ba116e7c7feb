// tools/*: what a back end can do, as one MCP request sees it.
import {
  type CallToolResult,
  ProtocolError,
  ProtocolErrorCode,
  type Server,
  type ServerContext,
} from "@modelcontextprotocol/server";
import type { Progress } from "../../shared/contract.ts";
import { toToolError } from "../../shared/errors.ts";
import { downloadModel } from "../../shared/tools/models.ts";
import type { Backend, CallOptions } from "../backend.ts";
import { type McpResult, mcpError, mcpResult } from "../render.ts";
import { clientOf } from "./client.ts";
import type { AroundCall } from "./features.ts";
import { sdkTool } from "./tool-list.ts";

const straightOn: AroundCall = (_call, _context, go) => go();

export function serveTools(
  server: Server,
  backend: Backend,
  around: AroundCall = straightOn,
  onError?: (error: unknown) => void,
): void {
  server.setRequestHandler("tools/list", async () => ({ tools: (await backend.tools()).map(sdkTool) }));
  server.setRequestHandler("tools/call", async ({ params }, context) => {
    if (!(await backend.hasTool(params.name))) {
      throw new ProtocolError(
        ProtocolErrorCode.InvalidParams,
        `Tool not found: ${params.name.slice(0, 200)}`,
      );
    }
    const call = {
      name: params.name,
      args: params.arguments ?? {},
      client: clientOf(server, context),
    };
    // A task is a result that the SDK's types do not know.
    return around(call, context, async () => {
      const progress = progressOf(context);
      const { signal } = context.mcpReq;
      const result = await callTool(backend, params, { signal, onProgress: progress.send, onError });
      await progress.sent(); // what comes after the result finds nobody
      return result;
    }) as Promise<CallToolResult>;
  });
}

/** A failure is a result, too. `onError` is told of bugs. */
export async function callTool(
  backend: Backend,
  { name, arguments: args }: { readonly name: string; readonly arguments?: unknown },
  { onError, ...options }: CallOptions & { readonly onError?: ((error: unknown) => void) | undefined },
): Promise<McpResult> {
  try {
    return mcpResult(await backend.call(name, name === downloadModel.name ? unflooded(args) : args, options));
  } catch (thrown) {
    const error = toToolError(thrown);
    if (error.code === "internal") onError?.(thrown);
    return mcpError(error);
  }
}

/** A chat gets a model's bytes only where it has asked for them; over REST they come by default, as ever. */
function unflooded(args: unknown): unknown {
  const { encoding, ...others } = Object(args) as { readonly encoding?: unknown };
  return { ...others, encoding: encoding ?? "raw" };
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
