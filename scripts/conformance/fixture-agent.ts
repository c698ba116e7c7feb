// The far end of the fixture: a process that dials the router as real agents do, with the tools that the suite calls by
// name. Their calls, progress, errors and cancellations travel over a real WebSocket.

import { setTimeout as delay } from "node:timers/promises";
import { Uplink } from "../../agent/link/uplink.ts";
import { ToolError } from "../../shared/errors.ts";
import type { Block } from "../../shared/fields.ts";
import { SILENT } from "../../shared/log.ts";
import { HEARTBEAT_MS, VERSIONS } from "../../shared/protocol.ts";
import type { Serve } from "../../shared/served-calls.ts";
import { AGENT_NAME, AGENT_TOOLS, type AgentTool } from "./fixture-agent-tools.ts";
import { PNG } from "./fixture-media.ts";

const says = (text: string): { readonly content: readonly Block[] } => ({
  content: [{ type: "text", text }],
});

const HANDLERS: Readonly<Record<AgentTool, Serve>> = {
  test_simple_text: async () => says("This is a simple text response for testing."),
  test_image_content: async () => ({ content: [{ type: "image", data: PNG, mimeType: "image/png" }] }),
  test_error_handling: async () => {
    throw new ToolError("internal", "This tool intentionally returns an error for testing");
  },
  async test_tool_with_progress(_tool, _input, { progress, signal }) {
    for (const done of [0, 50, 100]) {
      progress({ progress: done, total: 100 });
      await delay(50, undefined, { signal });
    }
    return says("Progress was reported.");
  },
};

/** Lives until it is killed. */
function dial(url: string, token: string): void {
  new Uplink({
    url: new URL(url),
    token,
    hello: {
      versions: VERSIONS,
      name: AGENT_NAME,
      machine_id: AGENT_NAME,
      instance: AGENT_NAME,
      agent_version: "0",
      tools: [...AGENT_TOOLS],
      heartbeat_ms: HEARTBEAT_MS,
    },
    serve: async (tool, input, context) => {
      const known = AGENT_TOOLS.find((name) => name === tool);
      if (!known) throw new ToolError("not_found", `Tool '${tool}' not found`);
      return HANDLERS[known](tool, input, context);
    },
    log: { ...SILENT, info: (_fields, message) => console.log(message) }, // whoever started us waits for the first line
  });
}

if (import.meta.main) dial(process.argv[2] ?? "", process.argv[3] ?? "");
