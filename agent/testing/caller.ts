// For tests: what scripts and clients written by hand do with our HTTP routes. Answers are parsed at this door.
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import * as v from "valibot";
import { TOOLS } from "../../shared/tools/index.ts";
import { checkFailure, checkOutput, checkResult } from "./answers.ts";

const Json = v.record(v.string(), v.unknown());
export type Json = v.InferOutput<typeof Json>;

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body, which must be a JSON object. */
  readonly json: Json;
}

export interface Sent {
  readonly method?: string;
  /** A string goes as it is, anything else as JSON. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

const Block = v.variant("type", [
  v.object({ type: v.literal("text"), text: v.string() }),
  v.object({ type: v.literal("image"), data: v.string(), mimeType: v.string() }),
]);
const ExecuteBody = v.object({
  success: v.boolean(),
  result: v.nullable(v.object({ content: v.array(Block), isError: v.optional(v.boolean()) })),
  error: v.nullable(v.string()),
  code: v.optional(v.string()),
  hint: v.optional(v.string()),
});

/** An answer of `POST /mcp/execute`. */
export interface Executed extends v.InferOutput<typeof ExecuteBody> {
  readonly status: number;
  /** The first text block. */
  readonly text: string | undefined;
  /** The same, parsed; undefined where the answer has no result. */
  readonly json: Json | undefined;
}

const RpcAnswer = v.object({
  jsonrpc: v.literal("2.0"),
  id: v.nullable(v.union([v.string(), v.number()])),
  result: v.optional(Json),
  error: v.optional(v.object({ code: v.number(), message: v.string(), data: v.optional(v.unknown()) })),
});
export type RpcAnswer = v.InferOutput<typeof RpcAnswer>;
export const parseRpcAnswer = (value: unknown): RpcAnswer => v.parse(RpcAnswer, value);

const ToolResult = v.object({
  content: v.array(Block),
  structuredContent: v.optional(Json),
  isError: v.optional(v.boolean()),
});
export type ToolResult = v.InferOutput<typeof ToolResult>;
export const parseToolResult = (value: unknown): ToolResult => v.parse(ToolResult, value);

export interface Caller {
  readonly url: string;
  /** A request with fetch, and the token if there is one. */
  send(path: string, sent?: Sent): Promise<Reply>;
  /** The same with these headers and no others: no Accept, no User-Agent, a Host of one's own. */
  sendBare(path: string, sent?: Sent): Promise<Reply>;
  execute(tool: string, args?: unknown): Promise<Executed>;
  /** Calls a tool that must succeed. */
  call(tool: string, args?: unknown): Promise<Json>;
  /** One JSON-RPC request to `/mcp`. */
  rpc(method: string, params?: unknown): Promise<RpcAnswer>;
  /** The same as clients of 2026-07-28 send it. `name`: what the header has to name. `can`: the client's capabilities. */
  modernRpc(method: string, params?: object, name?: string, can?: object): Promise<RpcAnswer>;
}

export interface CallerOptions {
  /** Asks what only looks again over MCP, in both eras, and checks those answers, too. */
  readonly bothEras?: boolean;
}

const MODERN = "2026-07-28";
const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": MODERN,
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
};
const READS = new Set<string>(TOOLS.filter(({ effect }) => effect === "read").map(({ name }) => name));
/** Answers beyond this are a matter of their own tests; parsing them again and again would take too long. */
const CHECKED_CHARS_MAX = 1_000_000;

/** Every answer of a tool is held against what the tool declares. */
export function callerOf(url: string, token?: string, { bothEras = false }: CallerOptions = {}): Caller {
  const own = { ...(token && { authorization: `Bearer ${token}` }) };
  const send = async (path: string, sent: Sent = {}): Promise<Reply> => {
    const { method, headers, body } = complete(sent, { "content-type": "application/json", ...own });
    const response = await fetch(url + path, { method, headers, body: body ?? null });
    return replyOf(response.status, response.headers, await response.text());
  };
  const execute = async (tool: string, args?: unknown): Promise<Executed> => {
    const { status, json } = await send("/mcp/execute", { body: { tool, arguments: args } });
    const parsed = v.parse(ExecuteBody, json);
    const text = textOf(parsed.result?.content);
    const said = text === undefined ? undefined : v.parse(Json, JSON.parse(text));
    if (parsed.success) checkOutput(tool, said);
    else if (said) checkFailure(tool, said);
    if (bothEras && READS.has(tool) && (text?.length ?? 0) < CHECKED_CHARS_MAX) {
      const call = { name: tool, arguments: args };
      for (const { result } of await Promise.all([
        rpc("tools/call", call),
        modernRpc("tools/call", call, tool),
      ]))
        checkResult(tool, result);
    }
    return { ...parsed, status, text, json: said };
  };
  const rpc = async (method: string, params?: unknown) => {
    const body = { jsonrpc: "2.0", id: 1, method, ...(params !== undefined && { params }) };
    return v.parse(RpcAnswer, (await send("/mcp", { body })).json);
  };
  const modernRpc = async (method: string, params: object = {}, name?: string, can: object = {}) => {
    const _meta = { ...ENVELOPE, "io.modelcontextprotocol/clientCapabilities": can };
    const body = { jsonrpc: "2.0", id: 1, method, params: { ...params, _meta } };
    const headers = {
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": MODERN,
      "mcp-method": method,
      ...(name !== undefined && { "mcp-name": name }),
    };
    return v.parse(RpcAnswer, (await send("/mcp", { body, headers })).json);
  };
  return {
    url,
    send,
    sendBare: (path, sent = {}) => sendBare(url + path, complete(sent, own)),
    execute,
    async call(tool, args) {
      const { status, success, json, error, hint } = await execute(tool, args);
      if (status === 200 && success && json) return json;
      throw new Error(`${tool} failed with HTTP ${status}: ${error} ${hint ?? ""}`);
    },
    rpc,
    modernRpc,
  };
}

interface Complete {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: string | undefined;
}

function complete({ method, body, headers }: Sent, own: Readonly<Record<string, string>>): Complete {
  return {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: { ...own, ...headers },
    body: typeof body === "string" || body === undefined ? body : JSON.stringify(body),
  };
}

function replyOf(status: number, headers: Headers, text: string): Reply {
  return {
    status,
    headers,
    text,
    get json() {
      return v.parse(Json, JSON.parse(text));
    },
  };
}

function sendBare(url: string, { method, headers, body }: Complete): Promise<Reply> {
  const request = url.startsWith("https:") ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        const received = Object.entries(response.headers).map(
          ([name, value]) => [name, String(value)] as [string, string],
        );
        resolve(replyOf(response.statusCode ?? 0, new Headers(received), text));
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

export function textOf(content: readonly v.InferOutput<typeof Block>[] | undefined): string | undefined {
  const [first] = content ?? [];
  return first?.type === "text" ? first.text : undefined;
}
