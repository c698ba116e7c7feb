// The app on Node: a listening socket that closes cleanly.
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import type { Hono } from "hono";

/** Headers must be here by then. Bodies may take as long as they move: a big upload on a slow line is no attack. */
const HEADERS_TIMEOUT_MS = 15_000;

const SWEEP_MS = 20;

export interface Listening {
  readonly port: number;
  /** Stops taking connections, lets open requests end, then cuts what is left after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

/** @throws Error with a sentence for people when the address cannot be had */
export function listen(
  app: Hono,
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
    server.once("listening", () =>
      resolve({ port: (server.address() as AddressInfo).port, close: (graceMs) => close(server, graceMs) }),
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

function close(server: ServerType, graceMs = 5_000): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => "closeAllConnections" in server && server.closeAllConnections(), graceMs);
    // Again and again: a connection whose last answer has just gone out would be kept alive for seconds.
    const sweep = setInterval(
      () => "closeIdleConnections" in server && server.closeIdleConnections(),
      SWEEP_MS,
    );
    server.close(() => {
      clearTimeout(cut);
      clearInterval(sweep);
      resolve();
    });
  });
}
