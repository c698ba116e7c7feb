// The short way for what clients of the new era ask most: tools/call and tools/list, written as the specification has them.
// The SDK makes a Server with all its handlers and a transport for each. It still says what a request is; what is unusual in
// any way goes its way, and plain.test.ts holds both ways to the same bytes.
import {
  classifyInboundRequest,
  isJsonContentType,
  SERVER_INFO_META_KEY,
} from "@modelcontextprotocol/server";
import type { Backend } from "../backend.ts";
import type { Features, Visitor } from "./features.ts";
import { IDENTITY, LISTS, MODERN_VERSION } from "./identity.ts";
import { isObject } from "./legacy-message.ts";
import { sdkTool, toolsText } from "./tool-list.ts";
import { callTool } from "./tools.ts";

interface Call {
  readonly name: string;
  readonly arguments: unknown;
}

interface Asked {
  readonly id: string | number;
  /** undefined: for the list. */
  readonly call: Call | undefined;
}

export interface PlainOptions {
  readonly visitor: Visitor;
  readonly features: Features;
  /** Told of errors that no client sees. */
  readonly onError: (error: unknown) => void;
}

/** The answer, or the visitor as the SDK is to serve it: what was asked of the back end here is not asked again. */
export async function plainAnswer(
  request: Request,
  body: unknown,
  { visitor, features, onError }: PlainOptions,
): Promise<Response | Visitor> {
  const asked = askedIn(request, body);
  const { signal } = request;
  if (!asked || signal.aborted || !isLeftAlone(asked, features)) return visitor;
  const backend = askedOnce(visitor.backend);
  const { call } = asked;
  const result = call ? await resultOf(backend, call, signal, onError) : await listOf(backend);
  if (result === undefined) return { ...visitor, backend };
  if (signal.aborted) return new Response(null, { status: 499 }); // read by nobody
  return new Response(`{"result":${result},"jsonrpc":"2.0","id":${JSON.stringify(asked.id)}}`, {
    headers: { "content-type": "application/json" },
  });
}

/** undefined: the SDK has something to say to it. */
function askedIn({ headers }: Request, body: unknown): Asked | undefined {
  if (!isObject(body) || !isObject(body["params"])) return undefined;
  const { method, params } = body;
  const { _meta, ...rest } = params;
  if (!isObject(_meta) || "progressToken" in _meta) return undefined;
  const call = method === "tools/call" ? callIn(rest) : undefined;
  const isNamed = call ? headers.get("mcp-name") === call.name : isEmpty(rest) && method === "tools/list";
  if (!isNamed || headers.get("mcp-method") !== method) return undefined;
  const protocolVersionHeader = headers.get("mcp-protocol-version");
  if (protocolVersionHeader !== MODERN_VERSION || !isJsonContentType(headers.get("content-type")))
    return undefined;
  const found = classifyInboundRequest({ httpMethod: "POST", protocolVersionHeader, body });
  if (found.kind !== "modern" || found.messageKind !== "request") return undefined;
  return { id: found.message.id, call };
}

function callIn({ name, arguments: args, ...others }: Readonly<Record<string, unknown>>): Call | undefined {
  if (typeof name !== "string" || !isEmpty(others)) return undefined;
  return args === undefined || isObject(args) ? { name, arguments: args } : undefined;
}

const isEmpty = (object: object) => Object.keys(object).length === 0;

/** No feature has a hand in it. */
function isLeftAlone({ call }: Asked, { install, around, aroundOnly }: Features): boolean {
  return !install && (!call || !around || aroundOnly?.has(call.name) === false);
}

/** Each thing is asked of it once, whoever asks; for one request. */
function askedOnce(backend: Backend): Backend {
  const once = <Args extends unknown[], T>(ask: (...args: Args) => T | Promise<T>) => {
    let answer: Promise<T> | undefined;
    return (...args: Args) => {
      answer ??= (async () => ask(...args))();
      return answer;
    };
  };
  return {
    tools: once(() => backend.tools()),
    hasTool: once((name) => backend.hasTool(name)),
    call: once((...args) => backend.call(...args)),
    health: () => backend.health(),
    machines: () => backend.machines?.() ?? [],
  };
}

/** What goes out with every answer. */
const META = { [SERVER_INFO_META_KEY]: IDENTITY };

/** undefined: there is no such tool, or the SDK has to look at the blocks of its answer. */
async function resultOf(
  backend: Backend,
  call: Call,
  signal: AbortSignal,
  onError: (error: unknown) => void,
): Promise<string | undefined> {
  try {
    if (!(await backend.hasTool(call.name))) return undefined;
  } catch {
    return undefined; // the SDK is told the same
  }
  const { content, structuredContent, isError } = await callTool(backend, call, { signal, onError });
  if (!isError && !structuredContent) return undefined;
  return JSON.stringify({ content, structuredContent, isError, resultType: "complete", _meta: META });
}

async function listOf(backend: Backend): Promise<string | undefined> {
  const tools = await Promise.resolve(backend.tools()).catch(() => undefined); // the SDK is told the same
  const rest = JSON.stringify({ resultType: "complete", ...LISTS, _meta: META });
  return tools && `{"tools":${toolsText(tools.map(sdkTool))},${rest.slice(1)}`;
}
