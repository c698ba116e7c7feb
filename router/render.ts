// A tool's answer as the blocks each surface sends.

import { errorBody, type ToolError } from "../shared/errors.ts";
import type { Block } from "../shared/fields.ts";
import type { ToolAnswer } from "./backend.ts";

/** Keys sorted at every level: the old server's order, so that diffs of stored answers stay quiet. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}

/** REST keeps the old server's text: pretty-printed, sorted. */
export function restBlocks(answer: ToolAnswer): readonly Block[] {
  return answer.kind === "content" ? answer.content : [prettyBlock(answer.output)];
}

export function prettyBlock(json: Readonly<Record<string, unknown>>): Block {
  return { type: "text", text: JSON.stringify(sorted(json), null, 2) };
}

/** What a model reads costs tokens, so MCP gets compact JSON in the contract's order. */
function compactBlock(json: Readonly<Record<string, unknown>>): Block {
  return { type: "text", text: JSON.stringify(json) };
}

export interface McpResult {
  [key: string]: unknown;
  content: Block[];
  structuredContent?: Record<string, unknown>;
  isError?: boolean;
}

export function mcpResult(answer: ToolAnswer): McpResult {
  if (answer.kind === "content") return { content: [...answer.content] };
  return { content: [compactBlock(answer.output)], structuredContent: { ...answer.output } };
}

/** No structuredContent: an error does not have the shape that the output schema promises. */
export function mcpError(error: ToolError): McpResult {
  return { content: [compactBlock(errorBody(error))], isError: true };
}
