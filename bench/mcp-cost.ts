// What MCP itself costs with all our tools, in this process: our endpoint against the SDK's own McpServer. The tool answers
// at once on both sides; what is left is reading, checking, dispatching and writing.
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import { toStandardJsonSchema } from "@valibot/to-json-schema";
import type { Backend } from "../router/backend.ts";
import { mcpEndpoint } from "../router/mcp-endpoint.ts";
import { mcpResult } from "../router/render.ts";
import { annotationsOf } from "../shared/contract.ts";
import { answersWithBlocks, mcpTool } from "../shared/describe.ts";
import { SERVER_NAME, SERVER_VERSION } from "../shared/server-info.ts";
import { listConfigs } from "../shared/tools/configs.ts";
import { TOOLS } from "../shared/tools/index.ts";
import { medians, type Result, ratio } from "./measure.ts";

const OUTPUT = { configs: ["a", "b", "c"] };
const ROUNDS = 2_000;
const WARM_UP = 500;

/** As the routes make one of what is only text. */
const JSON_ANSWER = { headers: { "content-type": "application/json" } };

/** The answer's text. */
type Serve = (request: Request, body: unknown) => Promise<string>;

function ours(): Serve {
  const tools = TOOLS.map(mcpTool);
  const backend: Backend = {
    tools: () => tools,
    hasTool: (name) => tools.some((tool) => tool.name === name),
    call: async () => ({ kind: "json", output: OUTPUT }),
    health: async () => {
      throw new Error("not asked here");
    },
  };
  const endpoint = mcpEndpoint({
    onError: (error) => {
      throw error;
    },
  });
  return async (request, body) => {
    const answer = await endpoint(request, body, { backend, id: "bench" });
    return (answer instanceof Response ? answer : new Response(answer.body ?? null, JSON_ANSWER)).text();
  };
}

/** As the SDK's documentation has it: a server for each request, its tools registered with their schemas. */
function theirs(): Serve {
  const tools = TOOLS.map((contract) => ({
    name: contract.name,
    config: {
      title: contract.title,
      description: contract.description,
      inputSchema: toStandardJsonSchema(contract.input),
      ...(!answersWithBlocks(contract) && { outputSchema: toStandardJsonSchema(contract.output) }),
      annotations: annotationsOf(contract),
    },
  }));
  const handler = createMcpHandler(() => {
    const server = new McpServer({ name: SERVER_NAME, version: SERVER_VERSION });
    for (const { name, config } of tools)
      server.registerTool(name, config, async () => mcpResult({ kind: "json", output: OUTPUT }));
    return server;
  });
  return async (request, body) => (await handler.fetch(request, { parsedBody: body })).text();
}

const MODERN = "2026-07-28";
const ENVELOPE = {
  "io.modelcontextprotocol/protocolVersion": MODERN,
  "io.modelcontextprotocol/clientCapabilities": {},
};

function asked(era: "old" | "new", method: string, params: Readonly<Record<string, unknown>>) {
  const name = params["name"];
  const _meta = era === "new" ? { _meta: ENVELOPE } : {};
  const body = { jsonrpc: "2.0", id: 1, method, params: { ...params, ..._meta } };
  const headers = {
    "content-type": "application/json",
    accept: "application/json, text/event-stream",
    ...(era === "new" && { "mcp-protocol-version": MODERN, "mcp-method": method }),
    ...(era === "new" && typeof name === "string" && { "mcp-name": name }),
  };
  const request = new Request("http://localhost/mcp", {
    method: "POST",
    headers,
    body: JSON.stringify(body),
  });
  return { request, body };
}

export async function benchMcpCost(): Promise<Result[]> {
  const call = { name: listConfigs.name, arguments: {} };
  const results: Result[] = [];
  const sides = [ours(), theirs()];
  for (const era of ["old", "new"] as const) {
    for (const [method, params, expected] of [
      ["tools/call", call, '"structuredContent":{"configs":["a","b","c"]}'],
      ["tools/list", {}, `"name":"${TOOLS.at(-1)?.name}"`],
    ] as const) {
      const works = sides.map((serve) => async () => {
        const { request, body } = asked(era, method, params);
        const text = await serve(request, body);
        // A refusal would be quick.
        if (!text.includes(expected)) throw new Error(`unexpected answer: ${text.slice(0, 500)}`);
      });
      const [mine = 0, base = 0] = await medians(works, ROUNDS, WARM_UP);
      const what = `${method} with ${TOOLS.length} tools, ${era} era, against the SDK's McpServer`;
      results.push(ratio(what, mine, base, 0.5));
    }
  }
  return results;
}
