// Contract → what each surface shows of it: MCP tool, REST entry, README row.
import { toJsonSchema } from "@valibot/to-json-schema";
import type * as v from "valibot";
import { type Annotations, annotationsOf, type Contract } from "./contract.ts";
import { Blocks } from "./fields.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export interface McpTool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: JsonObject & { readonly type: "object" };
  /** Absent for tools that answer with pictures. */
  readonly outputSchema?: JsonObject & { readonly type: "object" };
  readonly annotations: Annotations & { readonly title: string };
  readonly _meta?: JsonObject;
}

/** What Claude Code takes of an answer in one piece, when asked to; by itself it stops at 25,000 tokens. */
const LONG_ANSWER = { "anthropic/maxResultSizeChars": 200_000 };

function jsonSchema(schema: v.GenericSchema, typeMode: "input" | "output"): JsonObject & { type: "object" } {
  const { $schema: _dialect, ...rest } = toJsonSchema(schema, { typeMode, errorMode: "ignore" });
  const { required, ...body } = rest as Record<string, unknown>;
  // `required: []` was absent in the old server's lists, and is noise.
  return { type: "object", ...body, ...(Array.isArray(required) && required.length > 0 && { required }) };
}

export function answersWithBlocks(contract: Contract): boolean {
  return contract.output === Blocks;
}

/** Called once per tool at start-up: the conversion costs more than a tool call. */
export function mcpTool(contract: Contract): McpTool {
  return {
    name: contract.name,
    title: contract.title,
    description: contract.description,
    inputSchema: jsonSchema(contract.input, "input"),
    ...(!answersWithBlocks(contract) && { outputSchema: jsonSchema(contract.output, "input") }),
    annotations: { title: contract.title, ...annotationsOf(contract) },
    ...(contract.mayBeLong && { _meta: LONG_ANSWER }),
  };
}

export interface RestTool {
  readonly name: string;
  readonly description: string;
  readonly parameters: JsonObject;
}

export function restTool({ name, description, inputSchema }: McpTool): RestTool {
  return { name, description, parameters: inputSchema };
}

/** A row of the README's tool table. */
export function readmeRow(contract: Contract): string {
  const summary = contract.description.split("\n", 1)[0] ?? "";
  const entries = Object.entries(contract.input.entries).map(([name, schema]) =>
    (schema as { type: string }).type === "optional" ? `\`${name}?\`` : `\`${name}\``,
  );
  return `| \`${contract.name}\` | ${contract.scope} | ${summary} | ${entries.join(" ")} |`;
}
