// The MCP server: one stateless Server per request, both eras, over whatever carries JSON-RPC.
import { Server, type ServerCapabilities } from "@modelcontextprotocol/server";
import { INSTRUCTIONS } from "../shared/instructions.ts";
import { SERVER_NAME, SERVER_VERSION } from "../shared/server-info.ts";
import type { Backend } from "./backend.ts";
import { serveCompletions } from "./mcp/completions.ts";
import type { Era, Features } from "./mcp/features.ts";
import { formAnswers } from "./mcp/form-answers.ts";
import { servePrompts } from "./mcp/prompts.ts";
import { serveResources } from "./mcp/resources.ts";
import { serveTasks, TASKS_EXTENSION } from "./mcp/tasks.ts";
import { serveTools } from "./mcp/tools.ts";

/** Lists change with an update of the program, or when a machine comes or goes: clients may keep them for a while. */
const LISTS = { ttlMs: 300_000, cacheScope: "private" } as const;

export interface McpOptions {
  readonly backend: Backend;
  readonly features: Features;
  readonly era: Era;
  /** Can clients that listen be told of changed lists and resources? */
  readonly tellsOfChanges?: boolean;
  /** Told of errors that no client sees. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The Server that answers one request (HTTP) or one connection (stdio). */
export function mcpServer({ backend, features, era, tellsOfChanges = false, onError }: McpOptions): Server {
  const { resources, prompts, complete, around, requestState, install } = features;
  const tasks = era === "modern" ? features.tasks : undefined;
  const server = new Server(
    { name: SERVER_NAME, version: SERVER_VERSION, title: "ai-toolkit LoRA training" },
    {
      capabilities: {
        ...capabilitiesOf(features, tellsOfChanges),
        ...(tasks && { extensions: { [TASKS_EXTENSION]: {} } }),
      },
      instructions: INSTRUCTIONS,
      cacheHints: { "tools/list": LISTS, "prompts/list": LISTS, "resources/templates/list": LISTS },
      jsonSchemaValidator: formAnswers,
      ...(requestState && { requestState }),
    },
  );
  serveTools(server, backend, around, onError);
  if (resources) serveResources(server, resources, onError);
  if (prompts) servePrompts(server, prompts, onError);
  if (complete) serveCompletions(server, complete, onError);
  if (tasks) serveTasks(server, tasks, onError);
  install?.(server, era);
  return server;
}

function capabilitiesOf(features: Features, tellsOfChanges: boolean): ServerCapabilities {
  const changes = tellsOfChanges ? { listChanged: true } : {};
  return {
    tools: changes,
    ...(features.resources && {
      resources: { ...changes, ...(tellsOfChanges && { subscribe: true }) },
    }),
    ...(features.prompts && { prompts: changes }),
    ...(features.complete && { completions: {} }),
  };
}
