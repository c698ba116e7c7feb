// The prompts that clients offer in a menu.
import { ToolError } from "../../../shared/errors.ts";
import type { Backend } from "../../backend.ts";
import type { Prompts } from "../../mcp/features.ts";
import { diagnoseRun } from "./diagnose-run.ts";
import { judgeSamples } from "./judge-samples.ts";
import { planLora } from "./plan-lora.ts";
import { planNextRun } from "./plan-next-run.ts";

const PROMPTS = [planLora, diagnoseRun, judgeSamples, planNextRun] as const;

const list = PROMPTS.map(({ name, title, description, arguments: args }) => ({
  name,
  title,
  description,
  arguments: [...args],
}));

export function trainingPrompts(backend: Backend): Prompts {
  return {
    list,
    async get(name, args, { mcpReq: { signal } }) {
      const prompt = PROMPTS.find((each) => each.name === name);
      if (!prompt) throw new ToolError("not_found", `Prompt not found: ${name}`);
      const content = await prompt.write({ backend, signal }, args);
      return {
        description: prompt.description,
        messages: content.map((block) => ({ role: "user" as const, content: block })),
      };
    },
  };
}
