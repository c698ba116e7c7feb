// The app on Node: a listening socket that closes cleanly.
import { EventEmitter, once } from "node:events";
import { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type ServerType, serve } from "@hono/node-server";
import type { Hono } from "hono";
import type { WebSocketServer } from "ws";
import { ERRORS } from "../shared/errors.ts";
import { type Fetch, type NodeEnv, writingBodies } from "./node-bodies.ts";
import { routerRestarting } from "./offline.ts";

/** Headers must be here by then. Bodies may take as long as they move: a big upload on a slow line is no attack. */
const HEADERS_TIMEOUT_MS = 15_000;

export interface Listening {
  readonly port: number;
  /**
   * Lets open requests end; those that have not after `graceMs` by `endCalls`; and cuts what is left even then. To be
   * called after `closing` has fired, which has new requests answered with 503.
   */
  close(graceMs?: number): Promise<void>;
}

export interface ListenOptions {
  readonly port: number;
  readonly host: string;
  readonly websockets?: WebSocketServer | undefined;
  /** Ends what the last requests wait for, so that they are answered: links to machines, say. */
  readonly endCalls?: (() => void) | undefined;
  /** Fires when we are about to end. */
  readonly closing?: AbortSignal | undefined;
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
  { port, host, websockets, endCalls, closing }: ListenOptions,
): Promise<Listening> {
  const answer = writingBodies(app.fetch as Fetch);
  return new Promise((resolve, reject) => {
    const server = serve({
      fetch: (request, env) =>
        closing?.aborted && new URL(request.url).pathname !== "/health"
          ? comeAgain()
          : answer(request, env as NodeEnv),
      port,
      hostname: host,
      serverOptions: { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS, IncomingMessage: Request },
      ...(websockets && { websocket: { server: websockets } }),
    });
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new Error(explain(error, host, port), { cause: error })),
    );
    const requests = openRequests(server);
    server.once("listening", () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => close(server, requests, endCalls, graceMs),
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

/** How long a restart takes, about. */
const RESTART_SECONDS = 2;

function comeAgain(): Response {
  const { code, message, hint } = routerRestarting();
  return Response.json(
    { success: false, code, error: message, hint },
    { status: ERRORS[code].http, headers: { "retry-after": String(RESTART_SECONDS), connection: "close" } },
  );
}

/** How long a request may go on after its answer: a client that is told no in the middle of a body needs a moment to hear it. */
const LINGER_MS = 1_000;

/** Whoever was answered before the end of its body does not hold its connection by sending the rest ever so slowly. */
function leaveUnread(request: IncomingMessage): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.complete || request.destroy(), LINGER_MS);
  request.once("close", () => clearTimeout(timer));
}

interface OpenRequests {
  /** Resolves once all have ended that are open now. */
  done(): Promise<void>;
}

/** Connections do not tell: clients keep them for later, and open some that they never use. */
function openRequests(server: ServerType): OpenRequests {
  const open = new Set<unknown>();
  const closed = new EventEmitter();
  server.on("request", (request: IncomingMessage, response: EventEmitter) => {
    open.add(response);
    response.once("finish", () => leaveUnread(request));
    response.once("close", () => {
      open.delete(response);
      closed.emit("one");
    });
  });
  return {
    async done() {
      const these = [...open];
      while (these.some((each) => open.has(each))) await once(closed, "one");
    },
  };
}

/** How long an answer may take that has nothing to wait for any more. */
const ANSWER_MS = 1_000;

async function close(
  server: ServerType,
  requests: OpenRequests,
  endCalls: (() => void) | undefined,
  graceMs = 5_000,
): Promise<void> {
  await within(graceMs, requests.done());
  endCalls?.();
  await within(ANSWER_MS, requests.done());
  const gone = once(server, "close");
  server.close();
  if ("closeAllConnections" in server) server.closeAllConnections();
  await gone;
}

/** Resolves when `done` does, or after that time. */
async function within(ms: number, done: Promise<void>): Promise<void> {
  const given = new AbortController();
  const late = delay(ms, undefined, { signal: given.signal }).catch(() => {}); // not needed any more
  await Promise.race([done, late]);
  given.abort();
}
