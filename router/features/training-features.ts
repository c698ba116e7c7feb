// What we serve beside the tools. All of it reads through a caller's own back end.
import { waitForTraining } from "../../shared/tools/training.ts";
import type { FeaturesOf } from "../mcp/features.ts";
import type { Sql } from "../sql.ts";
import { trainingCompletions } from "./completions.ts";
import { ASKED_ABOUT, confirming } from "./confirming.ts";
import { type Memory, openMemory, shortMemory } from "./memory.ts";
import { trainingPrompts } from "./prompts/index.ts";
import { trainingResources } from "./resources.ts";
import { waitingTasks } from "./waiting.ts";

const AROUND_ONLY: ReadonlySet<string> = new Set([...ASKED_ABOUT, waitForTraining.name]);

/** @param store is opened with the first thing to remember; without one that is forgotten with this process */
export function trainingFeatures(store?: () => Sql): FeaturesOf {
  let memory: Memory | undefined;
  const remembered = () => {
    memory ??= store ? openMemory(store()) : shortMemory();
    return memory;
  };
  return (visitor) => {
    const waiting = waitingTasks(visitor, remembered);
    const { around, requestState } = confirming(visitor, remembered);
    return {
      resources: trainingResources(visitor.backend),
      prompts: trainingPrompts(visitor.backend),
      complete: trainingCompletions(visitor.backend),
      tasks: waiting.tasks,
      requestState,
      around: (call, ...rest) =>
        (call.name === waitForTraining.name ? waiting.around : around)(call, ...rest),
      aroundOnly: AROUND_ONLY,
    };
  };
}
