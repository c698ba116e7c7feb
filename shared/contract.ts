// What a tool is. Everything a client sees of a tool, and the type of its handler, comes from its contract.
import type * as v from "valibot";

/** Who may call: `read` looks, `train` changes what can be mended, `admin` destroys. Each holds those before it. */
export const SCOPES = ["read", "train", "admin"] as const;
export type Scope = (typeof SCOPES)[number];

/** The four MCP hints; all are always sent because the protocol's defaults assume the worst. */
export interface Annotations {
  readonly readOnlyHint: boolean;
  readonly destructiveHint: boolean;
  readonly idempotentHint: boolean;
  readonly openWorldHint: boolean;
}

/** read: no change. write: adds something. replace: same call twice leaves the same state. destroy: takes away. */
const EFFECTS = {
  read: { readOnlyHint: true, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  write: { readOnlyHint: false, destructiveHint: false, idempotentHint: false, openWorldHint: false },
  replace: { readOnlyHint: false, destructiveHint: false, idempotentHint: true, openWorldHint: false },
  destroy: { readOnlyHint: false, destructiveHint: true, idempotentHint: true, openWorldHint: false },
} as const satisfies Record<string, Annotations>;

export type InputSchema = v.ObjectSchema<v.ObjectEntries, undefined>;
export type OutputSchema = v.ObjectSchema<v.ObjectEntries, undefined>;

export interface Contract<
  Name extends string = string,
  Input extends InputSchema = InputSchema,
  Output extends OutputSchema = OutputSchema,
> {
  readonly name: Name;
  readonly title: string;
  readonly description: string;
  readonly scope: Scope;
  readonly effect: keyof typeof EFFECTS;
  /** An answer may be long because its caller asked for much; clients that cut long ones are told to take it. */
  readonly mayBeLong?: true;
  readonly input: Input;
  readonly output: Output;
}

export function defineTool<
  const Name extends string,
  const Input extends InputSchema,
  const Output extends OutputSchema,
>(contract: Contract<Name, Input, Output>): Contract<Name, Input, Output> {
  return contract;
}

export function annotationsOf(contract: Contract): Annotations {
  return EFFECTS[contract.effect];
}

export interface Progress {
  readonly progress: number;
  readonly total?: number | undefined;
  readonly message?: string | undefined;
}

/** Whose call it is, and the name by which every log that it passes knows it. */
export interface CallRequest {
  readonly id: string;
  /** A token's label, never the token. */
  readonly caller: string;
}

/** What a running call knows beside its input. */
export interface CallContext {
  /** Fires when the client left, the deadline passed, or the link broke; its reason says which. */
  readonly signal: AbortSignal;
  readonly progress: (progress: Progress) => void;
  /** Whoever calls again with the same key wants the first call's answer, not a second run. */
  readonly key?: string | undefined;
  /** Absent for what a router asks of its own accord, and where the router is of protocol version 1. */
  readonly request?: CallRequest | undefined;
}

export type Handler<C extends Contract> = (
  input: v.InferOutput<C["input"]>,
  context: CallContext,
) => Promise<v.InferInput<C["output"]>> | v.InferInput<C["output"]>;

/** One handler for each contract of a list; a missing or misspelt one does not compile. */
export type Handlers<List extends readonly Contract[]> = {
  readonly [C in List[number] as C["name"]]: Handler<C>;
};
