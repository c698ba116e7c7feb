// MCP over HTTP: `/mcp`, `/messages` and `/mcp/rpc` are one endpoint. Stateless: a session id that a client brings
// from before a restart is as good as any.
import { type Context, Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Scope } from "../shared/contract.ts";
import { errorMarks, type ToolError, toToolError } from "../shared/errors.ts";
import { SERVER_DESCRIPTION, SERVER_NAME, SERVER_VERSION } from "../shared/server-info.ts";
import { uploadDataset } from "../shared/tools/datasets.ts";
import { contractOf } from "../shared/tools/index.ts";
import type { AppEnv } from "./app-env.ts";
import { type Caller, may } from "./auth/caller.ts";
import {
  BodyTooLarge,
  type JsonBody,
  MAX_BODY_BYTES,
  MAX_UPLOAD_BODY_BYTES,
  readJsonBody,
} from "./json-body.ts";
import { PARSE_ERROR, rpcError } from "./json-rpc.ts";
import { withLinkFor } from "./link-instead.ts";
import type { McpEndpoint, McpEndpointOptions } from "./mcp-endpoint.ts";

const PATHS = ["/mcp", "/mcp/", "/messages", "/mcp/rpc"];
const SESSION_HEADER = "mcp-session-id";
const ALLOW = { allow: "POST, OPTIONS" };

export function mcpRoutes(options: McpEndpointOptions): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  let loading: Promise<McpEndpoint> | undefined;
  const endpoint = () => {
    loading ??= import("./mcp-endpoint.ts").then(({ mcpEndpoint }) => mcpEndpoint(options));
    loading.catch(() => {
      loading = undefined; // too many open files, say: the next request tries again
    });
    return loading;
  };

  app.on("POST", PATHS, async (c, next) => {
    await next();
    // Any session id is accepted and given back; set last, for the SDK's own answers.
    const session = c.req.header(SESSION_HEADER);
    if (session !== undefined) c.header(SESSION_HEADER, session);
  });
  app.on("POST", PATHS, async (c) => {
    const request = c.req.raw;
    let body: JsonBody;
    try {
      body = await readJsonBody(request, MAX_UPLOAD_BODY_BYTES).catch(withLinkFor(c.var.backend, request));
      if (body.bytes > MAX_BODY_BYTES && !callsUpload(body.value)) throw new BodyTooLarge(MAX_BODY_BYTES);
    } catch (thrown) {
      return unreadable(c, toToolError(thrown));
    }
    const lacking = c.var.caller.canStepUp ? lackingScope(body.value, c.var.caller) : undefined;
    if (lacking) {
      // As HTTP and not as a result: the client, not the model, can get more rights and call again.
      const error = `This needs the scope ${lacking}`;
      c.set("lacks", lacking);
      return c.json(rpcError(-32000, error, null), 403);
    }
    const visitor = { backend: c.var.backend, id: c.var.caller.id };
    const answer = await (await endpoint())(request, body.value, visitor);
    if (answer instanceof Response) return answer;
    if (answer.body === undefined) return c.body(null, 202);
    if (answer.sessionId !== undefined) c.header(SESSION_HEADER, answer.sessionId);
    const status = answer.status as ContentfulStatusCode; // 200 or 400
    return c.body(answer.body, status, { "content-type": "application/json" });
  });

  app.get("/messages", (c) => {
    // A spec client that probes for a stream must learn that there is none.
    if (c.req.header("accept")?.includes("text/event-stream")) return notAllowed(c);
    return c.json({
      protocol: "mcp",
      version: "1.0",
      server: { name: SERVER_NAME, version: SERVER_VERSION, description: SERVER_DESCRIPTION },
      transport: { type: "streamable-http", endpoint: "/messages" },
    });
  });
  app.on(["GET", "DELETE", "PUT", "PATCH"], PATHS, notAllowed);
  return app;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The names in a body's messages: of tools, for those that call one. */
function namesIn(body: unknown): unknown[] {
  const messages = Array.isArray(body) ? body : [body];
  return messages.map((message) =>
    isObject(message) && isObject(message["params"]) ? message["params"]["name"] : undefined,
  );
}

function callsUpload(body: unknown): boolean {
  return namesIn(body).includes(uploadDataset.name);
}

/** The first scope that a call in this body needs and its caller has not. */
function lackingScope(body: unknown, caller: Caller): Scope | undefined {
  return namesIn(body)
    .map((name) => (typeof name === "string" ? contractOf(name)?.scope : undefined))
    .find((scope) => scope !== undefined && !may(caller, scope));
}

function unreadable(c: Context, error: ToolError) {
  if (error.code === "too_large")
    return c.json(rpcError(-32000, error.message, null, errorMarks(error)), 413);
  return c.json(rpcError(PARSE_ERROR, `Parse error: ${error.message}`, null), 400);
}

function notAllowed(c: Context) {
  return c.json(rpcError(-32000, "Method not allowed: send JSON-RPC by POST"), 405, ALLOW);
}
