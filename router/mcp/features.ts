// What MCP serves beside the tools of a back end. The real ones stand in router/features/, tests bring their own.
import type {
  CallToolResult,
  ClientCapabilities,
  GetPromptResult,
  InputRequiredResult,
  Prompt,
  ReadResourceResult,
  Resource,
  ResourceTemplateType,
  Server,
  ServerContext,
  ServerOptions,
} from "@modelcontextprotocol/server";
import type { Backend } from "../backend.ts";
import type { CreatedTask, Tasks } from "./tasks.ts";

export interface ResourcePage {
  readonly resources: readonly Resource[];
  /** Leads to the next page. */
  readonly nextCursor?: string | undefined;
}

export interface Resources {
  templates(): readonly ResourceTemplateType[];
  list(cursor: string | undefined, context: ServerContext): Promise<ResourcePage>;
  /** undefined: there is no such resource. @throws ToolError */
  read(
    uri: string,
    context: ServerContext,
  ): Promise<ReadResourceResult["contents"] | InputRequiredResult | undefined>;
}

export interface Prompts {
  readonly list: readonly Prompt[];
  /** `name` is one of the list, and no required argument is missing. @throws ToolError */
  get(
    name: string,
    args: Readonly<Record<string, string>>,
    context: ServerContext,
  ): Promise<GetPromptResult | InputRequiredResult>;
}

/** What is being typed: an argument of a prompt, or a variable of a resource template. */
export interface Typing {
  readonly of: { readonly prompt: string } | { readonly template: string };
  readonly argument: string;
  readonly value: string;
  /** Arguments that have their value already. */
  readonly known: Readonly<Record<string, string>>;
}

export interface ToolCall {
  readonly name: string;
  readonly args: Readonly<Record<string, unknown>>;
  /** What the client that calls has declared. */
  readonly client: ClientCapabilities;
}

/**
 * Stands around every call of a tool: it may answer itself, ask the client first, make a task of it for a client that
 * declares tasks, or let the call go on.
 */
export type AroundCall = (
  call: ToolCall,
  context: ServerContext,
  go: () => Promise<CallToolResult>,
) => Promise<CallToolResult | InputRequiredResult | CreatedTask>;

export interface Features {
  readonly resources?: Resources | undefined;
  readonly prompts?: Prompts | undefined;
  /** All values that fit, best first; who asks gets the first of them. */
  readonly complete?: ((typing: Typing, context: ServerContext) => Promise<readonly string[]>) | undefined;
  readonly around?: AroundCall | undefined;
  /** The tools whose calls `around` may do anything about; absent: all. */
  readonly aroundOnly?: ReadonlySet<string> | undefined;
  /** What becomes of the tasks that `around` makes. */
  readonly tasks?: Tasks | undefined;
  /** Reads, and refuses, what a client brings back of a question. */
  readonly requestState?: ServerOptions["requestState"] | undefined;
  /** Whatever else a server of this kind answers. */
  readonly install?: ((server: Server, era: Era) => void) | undefined;
}

export type Era = "legacy" | "modern";

/** One caller, as the features see it: they reach the tools only through its own back end. */
export interface Visitor {
  readonly backend: Backend;
  /** Who it is, by an id that stays. Where nobody is asked, all are one. */
  readonly id: string;
}

export type FeaturesOf = (visitor: Visitor) => Features;
