// A backend as one caller sees it: what its scopes do not cover is neither listed nor called.
import type { Scope } from "../shared/contract.ts";
import { ToolError } from "../shared/errors.ts";
import { contractOf } from "../shared/tools/index.ts";
import { type Caller, may } from "./auth/caller.ts";
import type { Backend } from "./backend.ts";

/** A tool of a foreign back end says nothing of scopes, so it needs the highest. */
export function scopeOf(tool: string): Scope {
  return contractOf(tool)?.scope ?? "admin";
}

/** @param onLack told of the scope for lack of which a call is refused */
export function scoped(backend: Backend, caller: Caller, onLack: (scope: Scope) => void = () => {}): Backend {
  if (may(caller, "admin")) return backend;
  return {
    async tools() {
      return (await backend.tools()).filter(({ name }) => may(caller, scopeOf(name)));
    },
    hasTool: (name) => backend.hasTool(name),
    async call(tool, args, options) {
      if (!may(caller, scopeOf(tool))) {
        onLack(scopeOf(tool));
        throw forbidden(tool, caller);
      }
      return backend.call(tool, args, options);
    },
    health: () => backend.health(),
    machines: () => backend.machines?.() ?? [],
  };
}

function forbidden(tool: string, { scopes }: Caller): ToolError {
  const needed = scopeOf(tool);
  return new ToolError(
    "forbidden",
    `${tool} needs the scope ${needed}; this token has ${scopes.join(", ") || "none"}`,
    {
      hint: `Ask the owner for a token that has it: mcp-ai-toolkit token create --scope ${needed}`,
    },
  );
}
