// The far end of client mode: a server reached through its REST API, ours or the old one, in server or standalone mode.
import * as v from "valibot";
import { ERRORS, type ErrorCode, fromErrorText, isErrorCode, ToolError } from "../shared/errors.ts";
import type { Block } from "../shared/fields.ts";
import { agentHealth } from "../shared/tools/system.ts";
import type { AgentHealth, Backend, CallOptions, ListedTool, ToolAnswer } from "./backend.ts";

const ToolList = v.object({
  tools: v.array(
    v.object({
      name: v.string(),
      description: v.optional(v.string(), ""),
      parameters: v.record(v.string(), v.unknown()),
    }),
  ),
});

const BlockSchema = v.variant("type", [
  v.object({ type: v.literal("text"), text: v.string() }),
  v.object({ type: v.literal("image"), data: v.string(), mimeType: v.string() }),
]);

const Answer = v.object({
  success: v.boolean(),
  result: v.nullish(v.unknown()),
  error: v.nullish(v.string()),
  // Not from the old server.
  code: v.optional(v.string()),
  hint: v.optional(v.string()),
});
type Answer = v.InferOutput<typeof Answer>;

const Health = v.object({ checks: agentHealth.output });

/** The two kinds of server that may be there, told apart by which list they have. */
const ROUTES = {
  server: {
    list: "/tools",
    call: (tool: string, args: unknown) => [`/tools/${encodeURIComponent(tool)}/call`, { arguments: args }],
  },
  standalone: {
    list: "/mcp/tools",
    call: (tool: string, args: unknown) => ["/mcp/execute", { tool, arguments: args }],
  },
} as const satisfies Record<string, { list: string; call(tool: string, args: unknown): [string, unknown] }>;
type Kind = keyof typeof ROUTES;

interface Known {
  readonly kind: Kind;
  readonly list: readonly ListedTool[];
  readonly at: number;
}

interface Got {
  readonly status: number;
  /** undefined: the body is no JSON. */
  readonly json: unknown;
}

export interface HttpAgentOptions {
  readonly url: string;
  readonly token?: string | undefined;
  /** How long a call may take. The old client had no limit and hung for ever (D17). */
  readonly timeoutMs?: number;
  /** How old the tool list may be before it is fetched again. */
  readonly toolsMaxAgeMs?: number;
  readonly fetch?: typeof fetch;
  readonly now?: () => number;
}

export class HttpAgent implements Backend {
  readonly #url: string;
  readonly #options: Required<Omit<HttpAgentOptions, "token" | "url">>;
  readonly #headers: Record<string, string>;
  #known: Known | undefined;

  constructor({ url, token, ...options }: HttpAgentOptions) {
    this.#url = url.replace(/\/+$/, "");
    this.#headers = {
      "content-type": "application/json",
      ...(token && { authorization: `Bearer ${token}` }),
    };
    this.#options = { timeoutMs: 60_000, toolsMaxAgeMs: 60_000, fetch, now: Date.now, ...options };
  }

  /** The far end's list; a stale one when it cannot be reached. @throws ToolError if there never was one */
  async tools(): Promise<readonly ListedTool[]> {
    const known = this.#known;
    if (known && this.#options.now() - known.at < this.#options.toolsMaxAgeMs) return known.list;
    try {
      return (await this.refresh()).list;
    } catch (error) {
      if (known) return known.list;
      throw error;
    }
  }

  /** Finds out anew what is there. @throws ToolError agent_offline, timeout or agent_error */
  async refresh(): Promise<Known> {
    let kind: Kind = "server";
    let response = await this.#request(ROUTES[kind].list);
    if (response.status === 404) {
      kind = "standalone";
      response = await this.#request(ROUTES[kind].list);
    }
    const parsed = v.safeParse(ToolList, response.json);
    if (response.status !== 200 || !parsed.success) {
      throw new ToolError(
        "agent_error",
        `${this.#url} answered HTTP ${response.status} without a list of tools`,
        {
          hint: "Check --backend-url (and --backend-token): it must be a server of this kind",
        },
      );
    }
    const list = parsed.output.tools.map(({ name, description, parameters }) => ({
      name,
      description,
      inputSchema: { ...parameters, type: "object" as const },
    }));
    this.#known = { kind, list, at: this.#options.now() };
    return this.#known;
  }

  async hasTool(name: string): Promise<boolean> {
    const listed = (tools: readonly ListedTool[]) => tools.some((tool) => tool.name === name);
    // An unknown name may be a tool that is new since the list was fetched.
    return listed(await this.tools()) || listed((await this.refresh()).list);
  }

  async call(tool: string, args: unknown, { signal, request }: CallOptions): Promise<ToolAnswer> {
    const { kind } = this.#known ?? (await this.refresh());
    let response = await this.#request(...ROUTES[kind].call(tool, args ?? {}), signal, request?.id);
    if (response.status === 404) {
      // Nothing was run. Perhaps a server of the other kind has taken its place.
      const now = (await this.refresh()).kind;
      if (now !== kind)
        response = await this.#request(...ROUTES[now].call(tool, args ?? {}), signal, request?.id);
    }
    const answer = v.safeParse(Answer, response.json);
    if (!answer.success) {
      throw new ToolError("agent_error", `${this.#url} answered HTTP ${response.status} without a result`);
    }
    if (!answer.output.success) throw failureOf(response.status, answer.output);
    return { kind: "content", content: blocksOf(answer.output.result) };
  }

  async health(): Promise<AgentHealth> {
    const response = await this.#request("/health");
    if (response.status !== 200)
      throw new ToolError("agent_offline", `${this.#url}/health answered HTTP ${response.status}`);
    const said = v.safeParse(Health, response.json);
    if (said.success) return said.output.checks;
    // The old server knows nothing about itself; what it does not say is unknown, not fine.
    return {
      trainer: null,
      toolkit: { found: false, path: "", version: null },
      python: { found: false, path: null },
      disk: { writable: false, free_bytes: null },
      jobs: { running: 0, queued: 0 },
      last_error: null,
      problems: ["the back end does not say what it can do"],
    };
  }

  async #request(path: string, body?: unknown, signal?: AbortSignal, requestId?: string): Promise<Got> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      const response = await this.#options.fetch(`${this.#url}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: { ...this.#headers, ...(requestId !== undefined && { "x-request-id": requestId }) },
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
      // Read here, so that a body that never ends is under the same limit.
      return { status: response.status, json: parseJson(await response.text()) };
    } catch (cause) {
      if (signal?.aborted) throw new ToolError("cancelled", "The call was cancelled", { cause });
      if (timeout.aborted) {
        const limit = `${this.#options.timeoutMs / 1000} s`;
        throw new ToolError("timeout", `${this.#url} did not answer within ${limit}`, { cause });
      }
      throw new ToolError("agent_offline", `Proxy error: ${this.#url} cannot be reached`, {
        hint: "Check that the back end runs and that --backend-url is right",
        cause,
      });
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // an empty 404 or a proxy's HTML page: judged by the caller
  }
}

const JsonText = v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown()));

function failureOf(status: number, { error, code, hint, result }: Answer): ToolError {
  const text = blocksOf(result ?? { content: [] }).find((block) => block.type === "text")?.text;
  const said = fromErrorText(error ?? text ?? "Unknown error");
  const kind = isErrorCode(code) ? code : (said.code ?? codeFor(status));
  // Our own servers answer a soft error with the JSON body that the old one had; it stays whole.
  const body = status === 200 ? v.safeParse(JsonText, text) : undefined;
  return new ToolError(kind, said.message, { hint, ...(body?.success && { body: body.output }) });
}

function codeFor(status: number): ErrorCode {
  const match = Object.entries(ERRORS).find(([, { http }]) => http === status);
  return (match?.[0] as ErrorCode | undefined) ?? "agent_error"; // the keys of ERRORS are the codes
}

/** Text and image blocks, as the old client passed them on; what is no list of blocks is shown as it came. */
function blocksOf(result: unknown): readonly Block[] {
  if (result === null || result === undefined) return [{ type: "text", text: "OK" }];
  const content = v.safeParse(v.object({ content: v.array(v.unknown()) }), result);
  if (!content.success) return [{ type: "text", text: JSON.stringify(result, null, 2) }];
  return content.output.content.flatMap((block) => {
    const parsed = v.safeParse(BlockSchema, block);
    return parsed.success ? [parsed.output] : [];
  });
}
