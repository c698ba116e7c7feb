// For tests: the older Rust server as client mode meets it, in the shapes of contract.md §2.2 and §2.4.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface OldServer {
  readonly url: string;
  /** Method and path of every request, and its body if it had one. */
  readonly requests: string[];
  /** Names that it lists. What it does when they are called stands below. */
  tools: string[];
  close(): Promise<void>;
}

const text = (json: unknown) => ({ content: [{ type: "text", text: JSON.stringify(json, null, 2) }] });

/** Result of a tool that ended well, or an error of the old server. */
const TOOLS: Readonly<
  Record<string, { readonly result?: unknown; readonly error?: string | null; readonly status?: number }>
> = {
  list_configs: { result: text({ configs: ["a"] }) },
  get_config: { result: text({ error: "Configuration not found" }) },
  create_training_config: { error: "Invalid parameters: Missing 'name' parameter", status: 500 },
  delete_config: { error: "Internal error: Failed to delete config: permission denied", status: 500 },
  picture: {
    result: {
      content: [
        { type: "text", text: "look" },
        { type: "image", data: "aGk=", mimeType: "image/png" },
        { type: "resource", resource: { uri: "file:///x", text: "x" } },
      ],
    },
  },
  bare: { result: { answer: 42 } },
  nothing: { result: null },
  panics: {
    result: { ...text("Tool 'panics' panicked during execution: oh"), isError: true },
    error: null,
    status: 200,
  },
  silent: { error: null, status: 500 },
  added_later: { result: text({ late: true }) },
};

const listed = (name: string) => ({
  name,
  description: `The tool ${name}.`,
  parameters: { type: "object", properties: { name: { type: "string" } } },
});

/** @param kind its `--mode` */
export async function startOldServer(kind: "server" | "standalone"): Promise<OldServer> {
  const requests: string[] = [];
  const state = { tools: Object.keys(TOOLS).filter((name) => name !== "added_later") };
  const routes: Record<string, (body: Record<string, unknown>) => Answer> = {
    "GET /health": () => [
      200,
      {
        status: "healthy",
        server: "ai-toolkit",
        version: "1.0.0",
        ...(kind === "server" && { mode: "server" }),
      },
    ],
    ...(kind === "server"
      ? { "GET /tools": () => [200, { tools: state.tools.map(listed), count: state.tools.length }] as Answer }
      : {
          "GET /mcp/tools": () => [200, { tools: state.tools.map(listed) }] as Answer,
          "POST /mcp/execute": ({ tool }) => execute(String(tool), true),
        }),
  };
  const execute = (tool: string, nulls: boolean): Answer => {
    const known = state.tools.includes(tool) ? TOOLS[tool] : undefined;
    const empty = nulls ? { result: null } : {};
    if (!known) return [404, { success: false, ...empty, error: `Tool '${tool}' not found` }];
    const { result, error, status = 200 } = known;
    if (error === undefined) return [200, { success: true, result, ...(nulls && { error: null }) }];
    return [
      status,
      {
        success: false,
        ...empty,
        ...(result !== undefined && { result }),
        ...((nulls || error) && { error }),
      },
    ];
  };
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    requests.push(`${request.method} ${request.url} ${body}`.trim());
    const call =
      kind === "server" && request.method === "POST"
        ? /^\/tools\/([^/]+)\/call$/.exec(request.url ?? "")?.[1]
        : undefined;
    const tool = call ?? (body ? JSON.parse(body).tool : undefined);
    if (tool === "hangs") return; // never answers, as it did without a time limit
    const route = routes[`${request.method} ${request.url}`];
    const answer = call ? execute(call, false) : route?.(body ? JSON.parse(body) : {});
    send(response, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  });
}

type Answer = readonly [status: number, json: object];

/** Without an answer: its 404 for unknown paths, which has no body. */
function send(response: ServerResponse, answer: Answer | undefined): void {
  if (!answer) response.writeHead(404).end();
  else response.writeHead(answer[0], { "content-type": "application/json" }).end(JSON.stringify(answer[1]));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  return body;
}
