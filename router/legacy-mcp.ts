// MCP before 2026-07-28, without sessions: each JSON-RPC message gets a Server of its own and a plain JSON answer.
// The SDK's own leg for these clients insists on an Accept header with event-stream and answers SSE; scripts and curl
// lines written for the old server send and expect JSON only. A client that wants progress gets SSE.
import {
  type JSONRPCMessage,
  type Server,
  type Transport,
  WebStandardStreamableHTTPServerTransport,
} from "@modelcontextprotocol/server";
import { INVALID_REQUEST, type RpcError, rpcError } from "./json-rpc.ts";

/** More messages than this in one batch are refused; the SDK's own bound. */
const MAX_BATCH = 100;

type Json = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function idOf(message: unknown): string | number | null {
  const id = isObject(message) ? message["id"] : null;
  return typeof id === "string" || typeof id === "number" ? id : null;
}

const OLDEST_VERSION = "2024-11-05";

/**
 * Mends what the old server let pass: `jsonrpc` of any value, `id: null` on notifications, `initialize` without
 * params, `arguments` that are no object. Undefined when it is no JSON-RPC message at all.
 */
function normalise(message: unknown): JSONRPCMessage | undefined {
  if (!isObject(message) || message["jsonrpc"] === undefined || typeof message["method"] !== "string")
    return undefined;
  const id = idOf(message);
  if (id === null && message["id"] !== undefined && message["id"] !== null) return undefined;
  const params = isObject(message["params"]) ? message["params"] : undefined;
  const mended = (() => {
    switch (message["method"]) {
      case "initialize":
        return {
          protocolVersion: OLDEST_VERSION,
          capabilities: {},
          clientInfo: { name: "unknown", version: "0" },
          ...params,
        };
      case "tools/call":
        return params && { ...params, arguments: isObject(params["arguments"]) ? params["arguments"] : {} };
      default:
        return params;
    }
  })();
  return {
    jsonrpc: "2.0",
    method: message["method"],
    ...(id !== null && { id }),
    ...(mended && { params: mended }),
  } as JSONRPCMessage; // `params` is checked by the SDK per method
}

/** Carries one request in and its answer out. */
class OneShot implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  readonly answer = Promise.withResolvers<JSONRPCMessage>();

  async start(): Promise<void> {}

  async send(message: JSONRPCMessage): Promise<void> {
    if (!("method" in message)) this.answer.resolve(message);
  }

  async close(): Promise<void> {
    this.onclose?.();
  }
}

async function answerOne(
  build: () => Server,
  message: JSONRPCMessage,
  signal: AbortSignal,
): Promise<JSONRPCMessage> {
  const server = build();
  const transport = new OneShot();
  await server.connect(transport);
  const hangUp = () => {
    // Closing aborts the handler's signal; nobody reads this answer any more.
    transport.answer.resolve(rpcError(-32000, "The client has left", idOf(message)) as JSONRPCMessage);
  };
  signal.addEventListener("abort", hangUp, { once: true });
  try {
    transport.onmessage?.(message);
    return await transport.answer.promise;
  } finally {
    signal.removeEventListener("abort", hangUp);
    await server.close();
  }
}

/** One message of the old era → its answer, or undefined for a notification. */
export async function handleLegacyMessage(
  build: () => Server,
  raw: unknown,
  signal: AbortSignal,
): Promise<JSONRPCMessage | RpcError | undefined> {
  const message = normalise(raw);
  if (!message || !("method" in message))
    return rpcError(INVALID_REQUEST, "Invalid Request: not a JSON-RPC message", idOf(raw));
  // Nothing acts on a notification here: cancelling goes by hanging up, and no tool may run without an answer.
  if (!("id" in message)) return undefined;
  if (message.method === "initialized")
    return { jsonrpc: "2.0", id: message.id, result: { status: "acknowledged" } };
  return await answerOne(build, message, signal);
}

export interface LegacyAnswer {
  readonly status: number;
  readonly body?: unknown;
}

/** A POST body of the old era, batch or single. */
export async function handleLegacyBody(
  build: () => Server,
  body: unknown,
  signal: AbortSignal,
): Promise<LegacyAnswer> {
  if (!Array.isArray(body)) {
    const answer = await handleLegacyMessage(build, body, signal);
    if (answer === undefined) return { status: 202 };
    return { status: isRefusal(answer) ? 400 : 200, body: answer };
  }
  if (body.length === 0)
    return { status: 400, body: rpcError(INVALID_REQUEST, "Invalid Request: empty batch") };
  if (body.length > MAX_BATCH) {
    return {
      status: 400,
      body: rpcError(INVALID_REQUEST, `Invalid Request: more than ${MAX_BATCH} messages`),
    };
  }
  const answers: unknown[] = [];
  for (const message of body) {
    if (signal.aborted) break; // the client has left; nothing more is to be done for it
    const answer = await handleLegacyMessage(build, message, signal);
    if (answer !== undefined) answers.push(answer);
  }
  return answers.length === 0 ? { status: 202 } : { status: 200, body: answers };
}

function isRefusal(answer: JSONRPCMessage | RpcError): boolean {
  return "error" in answer && answer.error.code === INVALID_REQUEST;
}

/** Progress needs a stream: the one case where a client of the old era gets SSE. */
export function wantsStream(accept: string | undefined, body: unknown): boolean {
  if (!accept?.includes("text/event-stream") || !accept.includes("application/json") || !isObject(body))
    return false;
  const params = body["params"];
  const meta = isObject(params) ? params["_meta"] : undefined;
  return isObject(meta) && meta["progressToken"] !== undefined;
}

export async function handleLegacyStream(
  build: () => Server,
  request: Request,
  parsedBody: unknown,
): Promise<Response> {
  const transport = new WebStandardStreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  await build().connect(transport);
  return transport.handleRequest(request, { parsedBody });
}
