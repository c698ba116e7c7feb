// The app on Node: a listening socket that closes cleanly.
import { EventEmitter, once } from "node:events";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { type ServerType, serve } from "@hono/node-server";
import type { Hono } from "hono";

/** Headers must be here by then. Bodies may take as long as they move: a big upload on a slow line is no attack. */
const HEADERS_TIMEOUT_MS = 15_000;

export interface Listening {
  readonly port: number;
  /** Stops taking connections, lets open requests end, then cuts what is left after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** @throws Error with a sentence for people when the address cannot be had */
export function listen(
  app: Pick<Hono, "fetch">,
  { port, host }: { readonly port: number; readonly host: string },
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({
      fetch: app.fetch,
      port,
      hostname: host,
      serverOptions: { requestTimeout: 0, headersTimeout: HEADERS_TIMEOUT_MS },
    });
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(new Error(explain(error, host, port), { cause: error })),
    );
    const requests = openRequests(server);
    server.once("listening", () =>
      resolve({
        port: (server.address() as AddressInfo).port,
        close: (graceMs) => close(server, requests, graceMs),
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

async function close(server: ServerType, requests: OpenRequests, graceMs = 5_000): Promise<void> {
  const gone = once(server, "close");
  server.close();
  const grace = new AbortController();
  const late = delay(graceMs, undefined, { signal: grace.signal }).catch(() => {}); // not needed any more
  await Promise.race([requests.done(), late]);
  grace.abort();
  if ("closeAllConnections" in server) server.closeAllConnections();
  await gone;
}
