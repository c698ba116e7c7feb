// One request of the old era and what goes back for it. Plain JSON, unless something has to be said before the answer,
// and the client can read a stream: then it becomes SSE. The server's own questions go out on that stream; their answers
// come in with other requests and are told apart by ids that nobody can guess.
import type {
  ClientCapabilities,
  JSONRPCMessage,
  JSONRPCRequest,
  RequestId,
  Transport,
} from "@modelcontextprotocol/server";
import { type RpcError, rpcError } from "../json-rpc.ts";
import type { OpenExchanges } from "./open-exchanges.ts";

/** Proxies give up on streams that say nothing; some after 30 seconds. */
const HEARTBEAT_MS = 15_000;
/** What a client that does not read may leave lying here. Progress beyond it is dropped, answers never are. */
const BUFFER_BYTES = 1024 * 1024;

const STREAM_HEADERS = {
  "content-type": "text/event-stream",
  "cache-control": "no-cache, no-transform",
  "x-accel-buffering": "no",
};

/** Under which the SDK is told what the client can; it never goes out. */
const INTRODUCTION = "introduction";

export interface ExchangeOptions {
  readonly request: JSONRPCRequest;
  readonly open: OpenExchanges;
  /** The client's Accept names SSE. */
  readonly canStream: boolean;
  /** Answered, with nothing left open. */
  readonly onAnswered: () => void;
  /** Nobody reads any more, or questions are left open: the Server is to be closed. */
  readonly onGone: () => void;
  readonly heartbeatMs?: number | undefined;
}

export class LegacyExchange implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  readonly #options: ExchangeOptions;
  readonly #result = Promise.withResolvers<JSONRPCMessage | RpcError | Response>();
  readonly #introduced = Promise.withResolvers<void>();
  /** Of questions that are out: the id that the SDK gave → the one on the wire. */
  readonly #asked = new Map<RequestId, string>();
  #stream: ReadableStreamDefaultController<Uint8Array> | undefined;
  #heartbeat: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  /** The answer, or a stream that will carry it. */
  get result(): Promise<JSONRPCMessage | RpcError | Response> {
    return this.#result.promise;
  }

  async start(): Promise<void> {}

  /** Hands the request to the Server that is connected. `capabilities`: what its client said when it introduced itself. */
  async begin(capabilities: ClientCapabilities | undefined, protocolVersion: string): Promise<void> {
    if (capabilities) {
      const params = { protocolVersion, capabilities, clientInfo: { name: "unknown", version: "0" } };
      this.onmessage?.({ jsonrpc: "2.0", id: INTRODUCTION, method: "initialize", params });
      await this.#introduced.promise;
    }
    this.onmessage?.(this.#options.request);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (this.#closed) return;
    if (!("method" in message)) {
      if (message.id === INTRODUCTION) return this.#introduced.resolve();
      if (this.#stream) this.#write(message);
      this.#result.resolve(message);
      this.#answered();
      return;
    }
    if ("id" in message) {
      if (!this.#options.canStream)
        throw new Error("this client cannot be asked anything: it reads no stream");
      this.#write({ ...message, id: this.#ask(message.id) });
      return;
    }
    // Before the answer there is only news, which a client that reads no stream has to do without.
    if (this.#options.canStream) this.#write(this.#renamed(message));
  }

  /** Closing a Server that has nothing left to do is a sixth of a call. */
  #answered(): void {
    const { onAnswered, onGone } = this.#options;
    if (this.#asked.size > 0) {
      onGone();
      return;
    }
    this.#closed = true;
    this.#endStream();
    onAnswered();
  }

  /** The id under which a question goes out. */
  #ask(id: RequestId): string {
    const wireId = crypto.randomUUID();
    this.#asked.set(id, wireId);
    this.#options.open.asked(wireId, (answer) => {
      this.#asked.delete(id);
      this.onmessage?.({ ...answer, id } as JSONRPCMessage); // checked by the SDK
    });
    return wireId;
  }

  /** A question that is taken back is known to the client by its other id. */
  #renamed(message: JSONRPCMessage): JSONRPCMessage {
    if (!("method" in message) || message.method !== "notifications/cancelled") return message;
    const wireId = this.#asked.get(message.params?.["requestId"] as RequestId);
    return wireId === undefined ? message : { ...message, params: { ...message.params, requestId: wireId } };
  }

  #write(message: JSONRPCMessage): void {
    const stream = this.#stream ?? this.#openStream();
    const isNews = "method" in message && !("id" in message);
    if (isNews && (stream.desiredSize ?? 0) <= 0) return;
    stream.enqueue(new TextEncoder().encode(`event: message\ndata: ${JSON.stringify(message)}\n\n`));
  }

  #openStream(): ReadableStreamDefaultController<Uint8Array> {
    const body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#stream = controller;
        },
        cancel: () => this.#options.onGone(),
      },
      new ByteLengthQueuingStrategy({ highWaterMark: BUFFER_BYTES }),
    );
    const stream = this.#stream as unknown as ReadableStreamDefaultController<Uint8Array>; // start() has run
    const beat = new TextEncoder().encode(": still at it\n\n");
    this.#heartbeat = setInterval(() => {
      if ((stream.desiredSize ?? 0) > 0) stream.enqueue(beat);
    }, this.#options.heartbeatMs ?? HEARTBEAT_MS);
    this.#result.resolve(new Response(body, { headers: STREAM_HEADERS }));
    return stream;
  }

  #endStream(): void {
    clearInterval(this.#heartbeat);
    try {
      this.#stream?.close();
    } catch {
      // The client has closed it before.
    }
    this.#stream = undefined;
  }

  /** Called by the Server when it is closed; before the answer, that takes the call back. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#endStream();
    for (const wireId of this.#asked.values()) this.#options.open.forget(wireId);
    this.#introduced.resolve();
    this.#result.resolve(rpcError(-32000, "The request was cancelled", this.#options.request.id));
    this.onclose?.();
  }
}
