// The app itself, with a hub and a peer at the other end of an in-memory link.

import { expect, test } from "vitest";
import { SILENT } from "../shared/log.ts";
import { createApp } from "./app.ts";
import { ownerToken } from "./auth/authenticate.ts";
import { hostPolicy } from "./hosts.ts";
import { connectAgent, testFleet } from "./testing/fleet.ts";

async function app() {
  const fleet = testFleet();
  await connectAgent(fleet, { serve: async () => ({ configs: [] }) });
  return createApp({
    backend: fleet,
    surface: "mcp",
    policy: hostPolicy([], ["https://app.example"]),
    authenticate: ownerToken(undefined),
    log: SILENT,
  });
}

const META = {
  "io.modelcontextprotocol/protocolVersion": "2026-07-28",
  "io.modelcontextprotocol/clientCapabilities": {},
  "io.modelcontextprotocol/clientInfo": { name: "test", version: "1" },
};

const CALLS = {
  "initialize era": { params: { name: "list_configs", arguments: {} }, headers: {} },
  "initialize era with progress, as a stream": {
    params: { name: "list_configs", arguments: {}, _meta: { progressToken: 1 } },
    headers: { accept: "application/json, text/event-stream" },
  },
  "2026-07-28": {
    params: { name: "list_configs", arguments: {}, _meta: META },
    headers: {
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": "2026-07-28",
      "mcp-method": "tools/call",
      "mcp-name": "list_configs",
    },
  },
} as const;

test.each(Object.entries(CALLS))(
  "a call of the %s has all headers that a web page and a proxy need",
  async (_era, call) => {
    const response = await (await app()).request("http://localhost/mcp", {
      method: "POST",
      headers: {
        "content-type": "application/json",
        host: "localhost",
        origin: "https://app.example",
        "mcp-session-id": "from before the restart",
        ...call.headers,
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: call.params }),
    });
    expect(response.status).toBe(200);
    expect(await response.text()).toContain("configs");
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "access-control-allow-origin": "https://app.example",
      "access-control-expose-headers": "Mcp-Session-Id, X-Request-Id",
      "x-request-id": expect.stringMatching(/^[0-9a-f-]{36}$/),
      "mcp-session-id": "from before the restart",
      "x-content-type-options": "nosniff",
      "cache-control": expect.stringContaining("no-store"),
    });
  },
);
