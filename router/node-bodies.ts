// Long bodies on Node. Answers are written to the socket as they come, and cut off, never ended, when what they come from
// breaks: the server's own way ends them by a word about the error, which would be part of the file, and prints it.
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { FILES_PATH } from "../shared/file-links.ts";
import { free } from "../shared/one-use.ts";
import { bodyOf } from "./node-request-body.ts";

/** What the server hands out beside a request, on HTTP/1.1. */
export interface NodeEnv {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

export type Fetch = (request: Request, env: NodeEnv) => Response | Promise<Response>;

const BODYLESS: ReadonlySet<string> = new Set(["GET", "HEAD"]);

/** For files, whose length was promised. All other answers the server writes itself, and is quicker with short ones. */
export function writingBodies(fetch: Fetch): Fetch {
  return (request, env) =>
    env.incoming.url?.startsWith(FILES_PATH) ? written(fetch, request, env) : fetch(request, env);
}

async function written(fetch: Fetch, request: Request, env: NodeEnv): Promise<Response> {
  // Another Request around it would lose the signal that this one's client has left.
  if (!BODYLESS.has(request.method)) Object.defineProperty(request, "body", { value: bodyOf(env.incoming) });
  const response = await fetch(request, env);
  if (!response.body || !response.headers.has("content-length")) return response;
  await write(response.body, response, env.outgoing);
  return RESPONSE_ALREADY_SENT;
}

async function write(
  body: ReadableStream<Uint8Array>,
  { status, headers }: Response,
  outgoing: ServerResponse,
): Promise<void> {
  const reader = body.getReader();
  const gone = new AbortController();
  outgoing.once("close", () => gone.abort());
  // Also while the next bytes are awaited: what is read from must not wait for a client that has left.
  gone.signal.addEventListener("abort", () => void reader.cancel().catch(() => {}), { once: true });
  try {
    outgoing.writeHead(status, [...headers].flat());
    outgoing.flushHeaders();
    for (;;) {
      const { value, done } = await reader.read();
      if (outgoing.destroyed) return;
      if (done) break;
      const hasRoom = outgoing.write(value, (error) => error || free(value));
      if (!hasRoom) await once(outgoing, "drain", { signal: gone.signal });
    }
    outgoing.end();
  } catch {
    // Whoever made the body has told its log; the client sees a transfer that breaks before its promised length.
    outgoing.destroy();
  }
}
