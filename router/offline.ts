// What is said of a machine that is not there.
import { ToolError } from "../shared/errors.ts";
import type { ToolAnswer } from "./backend.ts";
import type { LastAnswer } from "./last-answers.ts";
import type { Machine } from "./machine-registry.ts";

const UNITS = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
] as const;

/** `90` → "1 minute". */
export function inWords(seconds: number): string {
  const [unit, length] = UNITS.find(([, each]) => seconds >= each) ?? UNITS[3];
  const count = Math.max(0, Math.floor(seconds / length));
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

export function machineOffline({ name, last_seen_at }: Machine, now: Date): ToolError {
  const ago = inWords((now.getTime() - Date.parse(last_seen_at)) / 1_000);
  return new ToolError(
    "agent_offline",
    `The training machine ${name} is offline; it was last seen ${ago} ago (${last_seen_at})`,
    {
      hint: "A training that runs there goes on. Switch the machine on, start `mcp-ai-toolkit agent` there, and try again",
    },
  );
}

export function noMachine(): ToolError {
  return new ToolError("agent_offline", "No training machine has connected to this router yet", {
    hint: "Start one on the GPU machine: mcp-ai-toolkit agent --router <this router's URL> --agent-token-file <file>",
  });
}

export function routerRestarting(): ToolError {
  return new ToolError("agent_offline", "This router is restarting", { hint: "Try again in a few seconds" });
}

/** The last known answer, marked as such. */
export function asOf({ answer, asOf: as_of }: LastAnswer): ToolAnswer {
  const mark = { agent_online: false, as_of };
  if (answer.kind === "json") return { kind: "json", output: { ...answer.output, ...mark } };
  return { kind: "content", content: [...answer.content, { type: "text", text: JSON.stringify(mark) }] };
}
