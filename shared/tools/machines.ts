// Contracts of the tools that the router answers by itself.
import * as v from "valibot";
import { defineTool } from "../contract.ts";
import { output, Time, Whole } from "../fields.ts";

const ListedMachine = v.object({
  name: v.string(),
  online: v.boolean(),
  last_seen_at: Time,
  agent_version: v.string(),
  /** null while it is offline. */
  jobs: v.nullable(v.object({ running: Whole, queued: Whole })),
  gpus: v.nullable(
    v.array(
      v.object({
        name: v.string(),
        memory_free_mib: v.nullable(v.number()),
        memory_total_mib: v.nullable(v.number()),
      }),
    ),
  ),
  problems: v.array(v.string()),
});
export type ListedMachine = v.InferOutput<typeof ListedMachine>;

export const listMachines = defineTool({
  name: "list_machines",
  title: "List machines",
  description:
    "List the training machines: which are online, their GPUs' free memory, running and waiting jobs.",
  scope: "read",
  effect: "read",
  input: v.object({}),
  output: output({ machines: v.array(ListedMachine) }),
});
