// The far end of client mode: a server reached through its REST API, ours or the old one, in server or standalone mode.
import * as v from "valibot";
import { ERRORS, type ErrorCode, ToolError } from "../shared/errors.ts";
import type { AgentHealth, Backend, Block, CallOptions, ListedTool, ToolAnswer } from "./backend.ts";

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
});

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
  #tools: { readonly list: readonly ListedTool[]; readonly at: number } | undefined;

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
    const known = this.#tools;
    if (known && this.#options.now() - known.at < this.#options.toolsMaxAgeMs) return known.list;
    try {
      return await this.refresh();
    } catch (error) {
      if (known) return known.list;
      throw error;
    }
  }

  /** @throws ToolError agent_offline or agent_error */
  async refresh(): Promise<readonly ListedTool[]> {
    let response = await this.#request("/tools");
    if (response.status === 404) response = await this.#request("/mcp/tools"); // a standalone back end
    const parsed = v.safeParse(ToolList, await readJson(response));
    if (!response.ok || !parsed.success) {
      throw new ToolError(
        "agent_error",
        `Failed to fetch backend tools: ${this.#url} answered HTTP ${response.status}`,
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
    this.#tools = { list, at: this.#options.now() };
    return list;
  }

  async hasTool(name: string): Promise<boolean> {
    const listed = (tools: readonly ListedTool[]) => tools.some((tool) => tool.name === name);
    // An unknown name may be a tool that is new since the list was fetched.
    return listed(await this.tools()) || listed(await this.refresh());
  }

  async call(tool: string, args: unknown, { signal }: CallOptions): Promise<ToolAnswer> {
    const body = { arguments: args ?? {} };
    let response = await this.#request(`/tools/${encodeURIComponent(tool)}/call`, body, signal);
    let json = await readJson(response);
    if (!v.is(Answer, json)) {
      // No such route there: a standalone back end, or the old server in client mode (D17).
      response = await this.#request("/mcp/execute", { tool, ...body }, signal);
      json = await readJson(response);
    }
    const parsed = v.safeParse(Answer, json);
    if (!parsed.success) {
      throw new ToolError("agent_error", `${this.#url} answered HTTP ${response.status} without a result`);
    }
    const { success, result, error } = parsed.output;
    if (!success) throw this.#failure(response.status, error ?? "Unknown error", result);
    return { kind: "content", content: blocksOf(result) };
  }

  async health(): Promise<AgentHealth> {
    const response = await this.#request("/health");
    const json = await readJson(response);
    if (!response.ok)
      throw new ToolError("agent_offline", `${this.#url}/health answered HTTP ${response.status}`);
    const checks = v.safeParse(v.object({ checks: v.record(v.string(), v.unknown()) }), json);
    // The old server knows nothing about itself; what it does not say is unknown, not fine.
    return {
      trainer: null,
      toolkit: { found: false, path: "", version: null },
      python: { found: false, path: null },
      disk: { writable: false, free_bytes: null },
      jobs: { running: 0, queued: 0 },
      last_error: null,
      problems: checks.success ? [] : ["the back end does not say what it can do"],
      ...(checks.success ? checks.output.checks : {}),
    };
  }

  #failure(status: number, message: string, result: unknown): ToolError {
    const code = codeFor(status);
    // Our own servers send the JSON body of the failure; keep it whole.
    const text = blocksOf(result).find((block) => block.type === "text")?.text;
    const body = v.safeParse(v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.unknown())), text);
    return new ToolError(code, message, body.success && status === 200 ? { body: body.output } : {});
  }

  async #request(path: string, body?: unknown, signal?: AbortSignal): Promise<Response> {
    const timeout = AbortSignal.timeout(this.#options.timeoutMs);
    try {
      return await this.#options.fetch(`${this.#url}${path}`, {
        method: body === undefined ? "GET" : "POST",
        headers: this.#headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      });
    } catch (cause) {
      if (signal?.aborted) throw new ToolError("cancelled", "The call was cancelled", { cause });
      if (timeout.aborted) {
        throw new ToolError(
          "timeout",
          `${this.#url} did not answer within ${this.#options.timeoutMs / 1000} s`,
          { cause },
        );
      }
      throw new ToolError("agent_offline", `Proxy error: ${this.#url} cannot be reached`, {
        hint: "Check that the back end runs and that --backend-url is right",
        cause,
      });
    }
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return undefined; // an empty 404 or a proxy's HTML page: judged by the caller
  }
}

function codeFor(status: number): ErrorCode {
  const match = Object.entries(ERRORS).find(([, { http }]) => http === status);
  return (match?.[0] as ErrorCode | undefined) ?? "agent_error"; // the keys of ERRORS are the codes
}

/** Text and image blocks; anything else is shown as it came, so that nothing gets lost. */
function blocksOf(result: unknown): readonly Block[] {
  if (result === null || result === undefined) return [{ type: "text", text: "OK" }];
  const content = v.safeParse(v.object({ content: v.array(v.unknown()) }), result);
  if (!content.success) return [{ type: "text", text: JSON.stringify(result, null, 2) }];
  return content.output.content.flatMap((block) => {
    const parsed = v.safeParse(BlockSchema, block);
    return parsed.success ? [parsed.output] : [];
  });
}
