// What a tool call costs on its way: HTTP, MCP, the link, the agent, and back.
import { resolve } from "node:path";
import { medians, type Result, ratio } from "./measure.ts";
import { BUILT, post, startProgram, toolsCall } from "./program.ts";
import { scratchFolder } from "./scratch.ts";

const here = import.meta.dirname;

export async function benchCalls(): Promise<Result[]> {
  const data = await scratchFolder();
  const echo = await startProgram([resolve(here, "echo.ts")]);
  const ours = await startProgram([BUILT, "--data", data, "--trainer", "rehearsal", "--port", "0"]);
  try {
    const message = {
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: "list_configs", arguments: {} },
    };
    const [base = 0, legacy = 0, modern = 0, rest = 0] = await medians(
      [
        () => post(`${echo.url}/echo`, message),
        () => toolsCall(ours.url, "legacy", "list_configs"),
        () => toolsCall(ours.url, "modern", "list_configs"),
        () => post(`${ours.url}/mcp/execute`, { tool: "list_configs", arguments: {} }),
      ],
      2_000,
      500,
    );
    return [
      ratio("tools/call in standalone, initialize era, against a Hono JSON echo", legacy, base, 2.5),
      ratio("tools/call in standalone, 2026-07-28, against a Hono JSON echo", modern, base, 2.5),
      ratio("REST execute in standalone, against a Hono JSON echo", rest, base, 2.5),
    ];
  } finally {
    await Promise.all([echo.stop(), ours.stop()]);
  }
}
