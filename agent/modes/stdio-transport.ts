// MCP over stdin and stdout, one JSON-RPC message a line. Unlike the SDK's transport it answers what it cannot parse,
// and when stdin ends it still answers what was asked: `echo '…' | mcp-ai-toolkit --mode stdio` is a use, too.
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import type { JSONRPCMessage, Transport } from "@modelcontextprotocol/server";
import { INVALID_REQUEST, PARSE_ERROR, rpcError } from "../../router/json-rpc.ts";

export class StdioTransport implements Transport {
  onclose?: () => void;
  onerror?: (error: Error) => void;
  onmessage?: Transport["onmessage"];
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #unanswered = new Set<unknown>();
  #inputEnded = false;
  #closed = false;

  constructor(input: Readable, output: Writable) {
    this.#input = input;
    this.#output = output;
  }

  async start(): Promise<void> {
    const lines = createInterface({ input: this.#input, crlfDelay: Number.POSITIVE_INFINITY });
    lines.on("line", (line) => this.#line(line));
    lines.on("close", () => {
      this.#inputEnded = true;
      this.#closeWhenDone();
    });
    // The reader has gone; there is nobody left to answer.
    this.#output.on("error", () => void this.close());
  }

  #line(line: string): void {
    if (line.trim() === "") return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.#write(rpcError(PARSE_ERROR, "Parse error: the line is not valid JSON"));
      return;
    }
    if (typeof message !== "object" || message === null || Array.isArray(message)) {
      // Batches left MCP with 2025-06-18, and on stdio the old server refused them, too.
      this.#write(rpcError(PARSE_ERROR, "Parse error: the line is not a JSON-RPC message"));
      return;
    }
    const { jsonrpc, id, method, params } = message as Readonly<Record<string, unknown>>;
    // What the SDK would drop without a word gets its answer here.
    if (jsonrpc !== "2.0" || (method !== undefined && typeof method !== "string") || !isParams(params)) {
      const echo = typeof id === "string" || typeof id === "number" ? id : null;
      this.#write(rpcError(INVALID_REQUEST, "Invalid Request: not a JSON-RPC 2.0 message", echo));
      return;
    }
    if (method === "notifications/cancelled") this.#unanswered.delete(params?.["requestId"]);
    // A subscription is open until the connection ends; it must not keep the connection.
    else if (method !== undefined && id !== undefined && method !== "subscriptions/listen")
      this.#unanswered.add(id);
    this.onmessage?.(message as JSONRPCMessage); // the rest is checked by the SDK, method by method
  }

  #write(message: unknown): void {
    if (!this.#closed) this.#output.write(`${JSON.stringify(message)}\n`);
  }

  async send(message: JSONRPCMessage): Promise<void> {
    this.#write(message);
    if (!("method" in message) && "id" in message) this.#unanswered.delete(message.id);
    this.#closeWhenDone();
  }

  #closeWhenDone(): void {
    if (this.#inputEnded && this.#unanswered.size === 0) void this.close();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#input.destroy();
    this.onclose?.();
  }
}

function isParams(params: unknown): params is Readonly<Record<string, unknown>> | undefined {
  return params === undefined || (typeof params === "object" && params !== null && !Array.isArray(params));
}
