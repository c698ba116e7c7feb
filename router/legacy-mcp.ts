// MCP before 2026-07-28, without sessions: each JSON-RPC message gets a Server of its own and a plain JSON answer.
// The SDK's own leg for these clients insists on an Accept header with event-stream and answers SSE; scripts and curl
// lines written for the old server send and expect JSON only. A client that can read a stream gets one when there is
// something to say before the answer: progress, a log line, a question.
import type { JSONRPCMessage, JSONRPCRequest, Server } from "@modelcontextprotocol/server";
import { INVALID_REQUEST, type RpcError, rpcError } from "./json-rpc.ts";
import { LegacyExchange } from "./mcp/legacy-exchange.ts";
import { idOf, isObject, normalise } from "./mcp/legacy-message.ts";
import { capabilitiesIn, newSessionId } from "./mcp/legacy-session.ts";
import { OpenExchanges } from "./mcp/open-exchanges.ts";
import { answerText } from "./mcp/tool-list.ts";

/** More messages than this in one batch are refused; the SDK's own bound. */
const MAX_BATCH = 100;
const NEWEST_VERSION = "2025-11-25";
/** Requests while which a client may be asked something. */
const MAY_ASK: ReadonlySet<string> = new Set(["tools/call", "prompts/get", "resources/read"]);

export interface LegacyAnswer {
  readonly status: number;
  /** JSON. */
  readonly body?: string;
  /** A new one, for the client to send from now on. */
  readonly sessionId?: string;
}

/** What is known of a request beside its body. */
interface Origin {
  readonly signal: AbortSignal;
  readonly sessionId: string | null;
  /** Whose calls a cancellation reaches: a session id is the client's own word, and two may say the same. */
  readonly owner: string;
  readonly canStream: boolean;
  readonly protocolVersion: string;
}

function originOf({ headers, signal }: Request, caller: string): Origin {
  const accept = headers.get("accept") ?? "";
  return {
    signal,
    sessionId: headers.get("mcp-session-id"),
    owner: JSON.stringify([caller, headers.get("mcp-session-id")]),
    canStream: accept.includes("text/event-stream") && accept.includes("application/json"),
    protocolVersion: headers.get("mcp-protocol-version") ?? NEWEST_VERSION,
  };
}

export class LegacyMcp {
  readonly #open = new OpenExchanges();

  /** A POST body of the old era, batch or single. `build` makes the Server that answers one message. */
  async handle(
    build: () => Server,
    request: Request,
    body: unknown,
    caller: string,
  ): Promise<Response | LegacyAnswer> {
    const origin = originOf(request, caller);
    if (Array.isArray(body)) return this.#batch(build, body, origin);
    const answer = await this.#message(build, body, origin);
    if (answer === undefined) return { status: 202 };
    if (answer instanceof Response) return answer;
    const isNew = origin.sessionId === null && isObject(body) && body["method"] === "initialize";
    return {
      status: isRefusal(answer) ? 400 : 200,
      body: answerText(answer),
      ...(isNew && { sessionId: newSessionId(capabilitiesOf(body)) }),
    };
  }

  async #batch(build: () => Server, body: readonly unknown[], origin: Origin): Promise<LegacyAnswer> {
    if (body.length === 0) return refusal("Invalid Request: empty batch");
    if (body.length > MAX_BATCH) return refusal(`Invalid Request: more than ${MAX_BATCH} messages`);
    const answers: unknown[] = [];
    for (const message of body) {
      if (origin.signal.aborted) break; // the client has left; nothing more is to be done for it
      // Several answers in one stream would be within the letter; no client of that time reads them.
      const answer = await this.#message(build, message, { ...origin, canStream: false });
      if (answer !== undefined) answers.push(answer);
    }
    return answers.length === 0 ? { status: 202 } : { status: 200, body: JSON.stringify(answers) };
  }

  /** One message → its answer, or undefined where none is due. */
  async #message(
    build: () => Server,
    raw: unknown,
    origin: Origin,
  ): Promise<JSONRPCMessage | RpcError | Response | undefined> {
    if (isAnswer(raw)) {
      this.#open.answered(raw);
      return undefined;
    }
    const message = normalise(raw);
    if (!message || !("method" in message))
      return rpcError(INVALID_REQUEST, "Invalid Request: not a JSON-RPC message", idOf(raw));
    if (!("id" in message)) {
      // Of notifications only this one has an effect. No tool may run without an answer.
      if (message.method === "notifications/cancelled" && origin.sessionId !== null)
        this.#open.cancel(origin.owner, message.params?.["requestId"]);
      return undefined;
    }
    if (message.method === "initialized")
      return { jsonrpc: "2.0", id: message.id, result: { status: "acknowledged" } };
    return this.#exchange(build(), message, origin);
  }

  async #exchange(
    server: Server,
    request: JSONRPCRequest,
    { signal, sessionId, owner, canStream, protocolVersion }: Origin,
  ): Promise<JSONRPCMessage | RpcError | Response> {
    // Closing a Server takes back what it is doing: its handler's signal fires, and so does the agent's.
    const end = () => void server.close();
    const forget = () => {
      signal.removeEventListener("abort", end);
      unlist();
    };
    const exchange = new LegacyExchange({
      request,
      open: this.#open,
      canStream,
      onAnswered: forget,
      onGone: end,
    });
    await server.connect(exchange);
    const unlist = sessionId === null ? () => {} : this.#open.running(owner, request.id, end);
    signal.addEventListener("abort", end, { once: true });
    if (signal.aborted) end();
    const close = server.onclose;
    server.onclose = () => {
      forget();
      close?.();
    };
    await exchange.begin(
      // A client that reads no stream cannot be asked anything, whatever it once said.
      canStream && MAY_ASK.has(request.method) ? capabilitiesIn(sessionId) : undefined,
      protocolVersion,
    );
    return exchange.result;
  }
}

/** A client's answer to a question of ours. */
function isAnswer(raw: unknown): raw is JSONRPCMessage & { readonly id: unknown } {
  return isObject(raw) && !("method" in raw) && ("result" in raw || "error" in raw) && idOf(raw) !== null;
}

function capabilitiesOf(initialize: Readonly<Record<string, unknown>>): unknown {
  return isObject(initialize["params"]) ? initialize["params"]["capabilities"] : undefined;
}

const refusal = (text: string): LegacyAnswer => ({
  status: 400,
  body: JSON.stringify(rpcError(INVALID_REQUEST, text)),
});

function isRefusal(answer: JSONRPCMessage | RpcError): boolean {
  return "error" in answer && answer.error.code === INVALID_REQUEST;
}
