// The argument `machine`, which tools have only where there is more than one to choose from.
import type { McpTool } from "../shared/describe.ts";
import { invalid } from "../shared/errors.ts";
import { AUTO } from "../shared/machine-name.ts";
import { startTraining } from "../shared/tools/training.ts";

/** @param names all machines */
export function withMachineArgument(tool: McpTool, names: readonly string[]): McpTool {
  const which = `Which machine: ${names.join(", ")}`;
  const description =
    tool.name === startTraining.name ? `${which}; ${AUTO} takes the freest that has the config` : which;
  const { properties, ...schema } = tool.inputSchema;
  return {
    ...tool,
    inputSchema: {
      ...schema,
      properties: { ...(properties as object | undefined), machine: { type: "string", description } },
    },
  };
}

export interface Split {
  readonly machine: string | undefined;
  /** The arguments of the tool itself. */
  readonly rest: unknown;
}

/** @throws ToolError invalid_input */
export function splitMachine(args: unknown): Split {
  if (typeof args !== "object" || args === null || Array.isArray(args) || !Object.hasOwn(args, "machine")) {
    return { machine: undefined, rest: args };
  }
  const { machine, ...rest } = args as Readonly<Record<string, unknown>>;
  if (machine === null || machine === undefined) return { machine: undefined, rest };
  if (typeof machine !== "string")
    throw invalid("'machine' must be a machine's name", "list_machines shows them");
  return { machine, rest };
}
