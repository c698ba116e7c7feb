// Both eras of MCP behind one door. In a file of its own because the SDK takes longer to load than all the rest: it is
// loaded with the first MCP request, so that a restarted server answers at once.
import { createMcpHandler, isLegacyRequest } from "@modelcontextprotocol/server";
import type { Changes } from "./changes.ts";
import { trainingFeatures } from "./features/training-features.ts";
import { rpcError } from "./json-rpc.ts";
import { type LegacyAnswer, LegacyMcp } from "./legacy-mcp.ts";
import type { Era, FeaturesOf, Visitor } from "./mcp/features.ts";
import { MODERN_VERSION } from "./mcp/identity.ts";
import { idOf } from "./mcp/legacy-message.ts";
import { LISTENING_MAX, Listeners, listensToJobs, methodOf, whenOver } from "./mcp/listening.ts";
import { plainAnswer } from "./mcp/plain.ts";
import { listenToTasks } from "./mcp/task-listening.ts";
import { mcpServer } from "./mcp.ts";
import type { Sql } from "./sql.ts";

/** `body`: the request's parsed body. */
export type McpEndpoint = (
  request: Request,
  body: unknown,
  visitor: Visitor,
) => Promise<Response | LegacyAnswer>;

export interface McpEndpointOptions {
  readonly featuresOf?: FeaturesOf | undefined;
  /** Keeps what has to be remembered over restarts. */
  readonly store?: (() => Sql) | undefined;
  /** Where changes are told that clients may listen to. */
  readonly changes?: Changes | undefined;
  /** Has changes of jobs told until what it returns is called. */
  readonly watchJobs?: (() => () => void) | undefined;
  /** Fires when this server is about to end: those that listen for changes are told, calls under way go on. */
  readonly closing?: AbortSignal | undefined;
  /** Told of errors that no client sees. */
  readonly onError: (error: unknown) => void;
}

export function mcpEndpoint({
  store,
  featuresOf = trainingFeatures(store),
  changes,
  watchJobs,
  closing,
  onError,
}: McpEndpointOptions): McpEndpoint {
  // The SDK's handler is made once and carries nothing through but the request.
  const visitors = new WeakMap<Request, Visitor>();
  const handler = () =>
    createMcpHandler(
      ({ requestInfo }) => {
        const visitor = requestInfo && visitors.get(requestInfo);
        if (!visitor) throw new Error("the SDK did not hand on the request");
        return mcpServer({
          backend: visitor.backend,
          features: featuresOf(visitor),
          era: "modern",
          tells: changes?.kinds,
          introduces: requestInfo.headers.get("mcp-method") === "server/discover",
          onError,
        });
      },
      // What it reports are clients' mistakes; each has its answer already.
      { legacy: "reject", onerror: () => {}, ...(changes && { bus: changes }) },
    );
  const modern = handler();
  // One of its own for streams that never end by themselves: closing a handler ends all that it does.
  const listening = handler();
  closing?.addEventListener("abort", () => void listening.close(), { once: true });
  const listeners = new Listeners();
  const legacy = new LegacyMcp();
  return async (request, body, visitor) => {
    const { backend } = visitor;
    const introduces = methodOf(body) === "initialize";
    const build = () =>
      mcpServer({ backend, features: featuresOf(visitor), era: "legacy", introduces, onError });
    // In doubt the SDK's classification, so that no request is ever seen as of both eras. It costs a fifth of a call.
    const era = plainEra(request, body) ?? ((await isLegacyRequest(request, body)) ? "legacy" : "modern");
    if (era === "modern") {
      const features = featuresOf(visitor);
      const answered = await plainAnswer(request, body, { visitor, features, onError });
      if (answered instanceof Response) return answered;
      visitors.set(request, answered);
      if (methodOf(body) !== "subscriptions/listen") return modern.fetch(request, { parsedBody: body });
      const { tasks } = features;
      const ofTasks = tasks && changes && (await listenToTasks(body, tasks, request.signal));
      const asked = ofTasks ? ofTasks.body : body;
      const leave = listeners.enter(visitor.id);
      // With the code and the status that the SDK has for too many of all together.
      if (!leave) return Response.json(rpcError(-32603, tooMany, idOf(body)));
      const unwatch = watchJobs && listensToJobs(asked) ? watchJobs() : () => {};
      const answer = await whenOver(listening.fetch(request, { parsedBody: asked }), () => {
        leave();
        unwatch();
      });
      return ofTasks ? ofTasks.translate(answer) : answer;
    }
    return legacy.handle(build, request, body, visitor.id);
  };
}

const tooMany = `This token listens on ${LISTENING_MAX} streams already: end one first`;

const MODERN_CLAIM = "io.modelcontextprotocol/protocolVersion";

/**
 * Modern: a message that says so in its envelope and in a header, as all clients of the new era do. Legacy: a batch, or a
 * message that claims the new era in neither. undefined: one has to look closer.
 */
function plainEra({ headers }: Request, body: unknown): Era | undefined {
  if (typeof body !== "object" || body === null || Array.isArray(body)) return "legacy";
  const version = headers.get("mcp-protocol-version") ?? "";
  const meta = (body as { params?: { _meta?: Record<string, unknown> | null } | null }).params?._meta;
  const claim = typeof meta === "object" && meta !== null ? meta[MODERN_CLAIM] : undefined;
  if (claim === MODERN_VERSION && version === MODERN_VERSION) return "modern";
  return claim === undefined && version < MODERN_VERSION ? "legacy" : undefined;
}
