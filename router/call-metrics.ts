// What this process has done for its callers, counted since it started.
import type { EndedCall } from "../shared/call-line.ts";
import { SERVER_VERSION } from "../shared/server-info.ts";
import { contractOf } from "../shared/tools/index.ts";
import { type Family, Histogram } from "./prometheus.ts";

/** A look through a router takes milliseconds, a wait for a training 45 seconds. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

interface OfTool {
  readonly outcomes: Map<string, number>;
  readonly seconds: Histogram;
}

export class CallMetrics {
  readonly #tools = new Map<string, OfTool>();
  #open = 0;

  began(): void {
    this.#open += 1;
  }

  ended({ tool, outcome, ms }: Pick<EndedCall, "tool" | "outcome" | "ms">): void {
    this.#open -= 1;
    const name = contractOf(tool) ? tool : "other"; // a foreign back end's: as many names as it likes
    const of = this.#tools.get(name) ?? { outcomes: new Map(), seconds: new Histogram(SECONDS) };
    this.#tools.set(name, of);
    of.outcomes.set(outcome, (of.outcomes.get(outcome) ?? 0) + 1);
    of.seconds.observe(ms / 1_000);
  }

  families(): Family[] {
    const tools = [...this.#tools];
    return [
      {
        name: "mcp_ai_toolkit_build_info",
        help: "Which version this is.",
        type: "gauge",
        samples: [{ labels: { version: SERVER_VERSION }, value: 1 }],
      },
      {
        name: "mcp_ai_toolkit_tool_calls_total",
        help: "Calls of tools that have ended, by how.",
        type: "counter",
        samples: tools.flatMap(([tool, { outcomes }]) =>
          [...outcomes].map(([outcome, value]) => ({ labels: { tool, outcome }, value })),
        ),
      },
      {
        name: "mcp_ai_toolkit_tool_call_seconds",
        help: "How long calls of tools took, the way to the machine and back included.",
        type: "histogram",
        samples: tools.flatMap(([tool, { seconds }]) => seconds.samples({ tool })),
      },
      {
        name: "mcp_ai_toolkit_open_calls",
        help: "Calls of tools that are under way.",
        type: "gauge",
        samples: [{ value: this.#open }],
      },
    ];
  }
}
