// The MCP server: one stateless Server per request, both eras, over whatever carries JSON-RPC.
import { Server, type ServerCapabilities } from "@modelcontextprotocol/server";
import { INSTRUCTIONS } from "../shared/instructions.ts";
import { SERVER_ICON } from "../shared/server-info.ts";
import type { Backend } from "./backend.ts";
import type { Changing } from "./changes.ts";
import { serveCompletions } from "./mcp/completions.ts";
import type { Era, Features } from "./mcp/features.ts";
import { formAnswers } from "./mcp/form-answers.ts";
import { IDENTITY, LISTS } from "./mcp/identity.ts";
import { servePrompts } from "./mcp/prompts.ts";
import { serveResources } from "./mcp/resources.ts";
import { serveTasks, TASKS_EXTENSION } from "./mcp/tasks.ts";
import { serveTools } from "./mcp/tools.ts";

export interface McpOptions {
  readonly backend: Backend;
  readonly features: Features;
  readonly era: Era;
  /** Of which changes clients that listen are told. */
  readonly tells?: ReadonlySet<Changing> | undefined;
  /** A client asks who we are. */
  readonly introduces?: boolean;
  /** Told of errors that no client sees. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The Server that answers one request (HTTP) or one connection (stdio). */
export function mcpServer({
  backend,
  features,
  era,
  tells = NOTHING,
  introduces = false,
  onError,
}: McpOptions): Server {
  const { resources, prompts, complete, around, requestState, install } = features;
  const tasks = era === "modern" ? features.tasks : undefined;
  const server = new Server(
    { ...IDENTITY, ...(introduces && { icons: [{ ...SERVER_ICON }] }) },
    {
      capabilities: {
        ...capabilitiesOf(features, tells),
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

const NOTHING: ReadonlySet<Changing> = new Set();

/** What cannot be told is not promised. */
function capabilitiesOf(features: Features, tells: ReadonlySet<Changing>): ServerCapabilities {
  const listChanged = (kind: Changing) => (tells.has(kind) ? { listChanged: true } : {});
  return {
    tools: listChanged("tools"),
    ...(features.resources && {
      resources: { ...listChanged("resources"), ...(tells.has("resources") && { subscribe: true }) },
    }),
    ...(features.prompts && { prompts: listChanged("prompts") }),
    ...(features.complete && { completions: {} }),
  };
}
