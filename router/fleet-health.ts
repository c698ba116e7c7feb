// The health of several machines as one answer: sums, and every problem with its machine's name in front.
import { ToolError } from "../shared/errors.ts";
import type { AgentHealth } from "./backend.ts";

export interface Part {
  readonly name: string;
  /** What it said, or what it said instead. */
  readonly health: AgentHealth | ToolError;
}

export function mergedHealth(parts: readonly Part[]): AgentHealth {
  const said = parts.flatMap(({ health }) => (health instanceof ToolError ? [] : [health]));
  const [first, ...others] = said;
  const problems = parts.flatMap(({ name, health }) => {
    const own = health instanceof ToolError ? [health.message] : health.problems;
    return own.map((problem) => `${name}: ${problem}`);
  });
  const sum = (of: (health: AgentHealth) => number) => said.reduce((total, health) => total + of(health), 0);
  return {
    trainer: first && others.every(({ trainer }) => trainer === first.trainer) ? first.trainer : null,
    toolkit: first?.toolkit ?? { found: false, path: "", version: null },
    python: first?.python ?? { found: false, path: null },
    disk: {
      writable: said.length > 0 && said.every(({ disk }) => disk.writable),
      free_bytes: said.length > 0 ? sum(({ disk }) => disk.free_bytes ?? 0) : null,
    },
    jobs: { running: sum(({ jobs }) => jobs.running), queued: sum(({ jobs }) => jobs.queued) },
    last_error: said.map(({ last_error }) => last_error).find((error) => error !== null) ?? null,
    problems,
  };
}
