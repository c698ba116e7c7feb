// What we serve beside the tools. All of it reads through a caller's own back end.
import type { FeaturesOf } from "../mcp/features.ts";
import { trainingCompletions } from "./completions.ts";
import { trainingPrompts } from "./prompts/index.ts";
import { trainingResources } from "./resources.ts";

export const trainingFeatures: FeaturesOf = (backend) => ({
  resources: trainingResources(backend),
  prompts: trainingPrompts(backend),
  complete: trainingCompletions(backend),
});
