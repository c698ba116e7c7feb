// What the router serves: tools that live somewhere. A Hub reaches agents over links, an HttpAgent over REST.
import type * as v from "valibot";
import type { CallRequest, Progress } from "../shared/contract.ts";
import type { McpTool } from "../shared/describe.ts";
import type { Block } from "../shared/fields.ts";
import type { agentHealth } from "../shared/tools/system.ts";
import type { Family } from "./prometheus.ts";

/** What a client sees in a tool list. A foreign back end has neither titles nor output schemas. */
export type ListedTool = Pick<McpTool, "name" | "description" | "inputSchema"> & Partial<McpTool>;

/** `json`: the contract's output, to be rendered for each surface. `content`: ready blocks, as a foreign server sent them. */
export type ToolAnswer =
  | { readonly kind: "json"; readonly output: Readonly<Record<string, unknown>> }
  | { readonly kind: "content"; readonly content: readonly Block[] };

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Progress) => void) | undefined;
  /** A change with the same key is made once, however often it is asked for. */
  readonly key?: string | undefined;
  readonly request?: CallRequest | undefined;
  /** Whose share of a machine's room the call takes: Caller.id. */
  readonly callerId?: string | undefined;
  /** Told which machine the call is for, once that is chosen. */
  readonly onMachine?: ((machine: string) => void) | undefined;
}

export type AgentHealth = v.InferOutput<typeof agentHealth.output>;

export interface Backend {
  tools(): readonly ListedTool[] | Promise<readonly ListedTool[]>;
  hasTool(name: string): boolean | Promise<boolean>;
  /** @throws ToolError */
  call(tool: string, args: unknown, options: CallOptions): Promise<ToolAnswer>;
  /** @throws ToolError agent_offline when nobody can say */
  health(): Promise<AgentHealth>;
  /** Why no call could be answered now, for anybody to read; undefined when one could. */
  whyNotReady?(): string | undefined;
  /** What there is to measure beside the calls. */
  metrics?(): Promise<readonly Family[]>;
  /** One machine of several, as if there were no other; undefined when there is none of that name. */
  at?(machine: string): Backend | undefined;
  /** Those that a call has to choose from; none where there is no choice. */
  machines?(): readonly string[];
}
