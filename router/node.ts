// The app on Node: a listening socket that closes cleanly.
import { EventEmitter, once } from "node:events";
import { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type ServerType, serve } from "@hono/node-server";
import type { Hono } from "hono";
import type { WebSocketServer } from "ws";

/** Headers must be here by then. Bodies may take as long as they move: a big upload on a slow line is no attack. */
const HEADERS_TIMEOUT_MS = 15_000;

export interface Listening {
  readonly port: number;
  /** Stops taking connections, lets open requests end, then cuts what is left after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

export interface WebSockets {
  readonly server: WebSocketServer;
  /** Ends those that are open; called when the requests have ended, which may need them. */
  close(): void;
}

export interface ListenOptions {
  readonly port: number;
  readonly host: string;
  readonly websockets?: WebSockets | undefined;
}

const UPGRADE = Symbol("upgrade");

/**
 * A request that asks to upgrade to anything but WebSocket is a plain one: curl --http2 and Java's HttpClient ask for h2c.
 * With a listener for upgrades, Node would leave such a request without an answer for ever.
 */
class Request extends IncomingMessage {
  [UPGRADE]: unknown;
  // Node's parser sets it, and reads it to decide. It is no field, for the base constructor sets it, too.
  set upgrade(value: unknown) {
    this[UPGRADE] = value;
  }
  get upgrade(): boolean {
    return Boolean(this[UPGRADE]) && this.headers.upgrade?.toLowerCase() === "websocket";
  }
}

/** @throws Error with a sentence for people when the address cannot be had */
export function listen(
  app: Pick<Hono, "fetch">,
  { port, host, websockets }: ListenOptions,
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({
      fetch: app.fetch,
      port,
      hostname: host,
      serverOptions: { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS, IncomingMessage: Request },
      ...(websockets && { websocket: { server: websockets.server } }),
    });
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new Error(explain(error, host, port), { cause: error })),
    );
    const requests = openRequests(server);
    server.once("listening", () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => close(server, requests, websockets, graceMs),
      }),
    );
  });
}

function explain({ code, message }: NodeJS.ErrnoException, host: string, port: number): string {
  if (code === "EADDRINUSE") return `Port ${port} on ${host} is taken; choose another with --port`;
  if (code === "EACCES") return `Port ${port} needs more rights; choose one above 1023 with --port`;
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND")
    return `This machine has no address ${host}; see --host`;
  return `Cannot listen on ${host}:${port}: ${message}`;
}

interface OpenRequests {
  /** Resolves once none is open. */
  done(): Promise<void>;
}

/** Connections do not tell: clients keep them for later, and open some that they never use. */
function openRequests(server: ServerType): OpenRequests {
  const open = new Set<unknown>();
  const closed = new EventEmitter();
  server.on("request", (_request: unknown, response: EventEmitter) => {
    open.add(response);
    response.once("close", () => {
      open.delete(response);
      closed.emit("one");
    });
  });
  return {
    async done() {
      while (open.size > 0) await once(closed, "one");
    },
  };
}

async function close(
  server: ServerType,
  requests: OpenRequests,
  websockets: WebSockets | undefined,
  graceMs = 5_000,
): Promise<void> {
  const gone = once(server, "close");
  server.close();
  const grace = new AbortController();
  const late = delay(graceMs, undefined, { signal: grace.signal }).catch(() => {}); // not needed any more
  await Promise.race([requests.done(), late]);
  grace.abort();
  websockets?.close();
  if ("closeAllConnections" in server) server.closeAllConnections();
  await gone;
}
