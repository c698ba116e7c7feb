// The agent's door: a tool's name and unknown input → a checked call of its handler.

import { parseArguments } from "../shared/arguments.ts";
import type { CallContext, Contract, Handlers } from "../shared/contract.ts";
import { ToolError } from "../shared/errors.ts";
import type { Serve } from "../shared/served-calls.ts";
import { contractOf, type INTERNAL_TOOLS, type ROUTER_TOOLS, type TOOLS } from "../shared/tools/index.ts";
import type { fileRequest } from "../shared/tools/transfers.ts";
import { serving } from "./current-call.ts";
import type { TrainerChoice } from "./trainer/trainer.ts";

export type AllHandlers = Omit<Handlers<typeof TOOLS>, (typeof ROUTER_TOOLS)[number]["name"]> &
  // A file request is about the line it comes by, and answered there.
  Omit<Handlers<typeof INTERNAL_TOOLS>, typeof fileRequest.name>;

type AnyHandler = (input: unknown, context: CallContext) => Promise<object> | object;

/** `trainer`: a rehearsal says so in every answer. */
export function createRunner(handlers: AllHandlers, trainer: TrainerChoice): Serve {
  const byName = new Map<string, AnyHandler>(
    // The contract that parses the input is the one that gave the handler its type.
    Object.entries(handlers as unknown as Record<string, AnyHandler>),
  );
  return async (tool, raw, context) => {
    const contract: Contract | undefined = contractOf(tool);
    const handler = byName.get(tool);
    if (!contract || !handler) throw new ToolError("not_found", `Tool '${tool}' not found`);
    const { input, warnings } = parseArguments(contract, raw);
    const output = (await serving(context, () => handler(input, context))) as Record<string, unknown>;
    const own = Array.isArray(output["warnings"]) ? output["warnings"] : [];
    const all = [...warnings, ...own];
    return {
      ...output,
      ...(all.length > 0 && { warnings: all }),
      ...(trainer === "rehearsal" && { trainer: "rehearsal" }),
    };
  };
}
