// The REST routes of the old server's standalone mode, and of its server mode.
import { Hono } from "hono";
import { type McpTool, restTool } from "../shared/describe.ts";
import { SERVER_DESCRIPTION, SERVER_NAME, SERVER_VERSION } from "../shared/server-info.ts";
import type { AppEnv } from "./app-env.ts";
import type { ListedTool } from "./backend.ts";
import { answerCall, type CallHooks, MCP_STYLE, SERVER_STYLE } from "./tool-calls.ts";

const restList = (tools: readonly ListedTool[]) => tools.map((tool) => restTool(tool as McpTool));

/** Routes of standalone and client mode. */
export function mcpRest(hooks: CallHooks): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/mcp/tools", async (c) => c.json({ tools: restList(await c.var.backend.tools()) }));
  app.on("POST", ["/mcp/execute", "/tools/execute"], async (c) => {
    const { status, body } = await answerCall(c.var.backend, MCP_STYLE, c.req.raw, undefined, hooks);
    return c.json(body, status);
  });
  app.post("/mcp/initialize", (c) =>
    c.json({
      session_id: crypto.randomUUID(),
      server: { name: SERVER_NAME, version: SERVER_VERSION },
      capabilities: { tools: true, prompts: true, resources: true },
    }),
  );
  app.get("/mcp/capabilities", async (c) => {
    const list = (await c.var.backend.tools()).map((tool) => tool.name);
    return c.json({
      capabilities: {
        tools: { list, count: list.length },
        prompts: { supported: true },
        resources: { supported: true },
      },
    });
  });
  app.get("/.well-known/mcp", (c) =>
    c.json({
      mcp_version: "1.0",
      server_name: SERVER_NAME,
      server_version: SERVER_VERSION,
      server_description: SERVER_DESCRIPTION,
      capabilities: { tools: true, prompts: true, resources: true },
      endpoints: {
        tools: "/mcp/tools",
        execute: "/mcp/execute",
        initialize: "/mcp/initialize",
        capabilities: "/mcp/capabilities",
        mcp: "/mcp",
        messages: "/messages",
      },
    }),
  );
  return app;
}

/** Routes of server mode. */
export function serverRest(hooks: CallHooks): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  app.get("/tools", async (c) => {
    const tools = restList(await c.var.backend.tools());
    return c.json({ tools, count: tools.length });
  });
  app.post("/tools/:name/call", async (c) => {
    const { status, body } = await answerCall(
      c.var.backend,
      SERVER_STYLE,
      c.req.raw,
      c.req.param("name"),
      hooks,
    );
    return c.json(body, status);
  });
  app.post("/execute", async (c) => {
    const { status, body } = await answerCall(c.var.backend, SERVER_STYLE, c.req.raw, undefined, hooks);
    return c.json(body, status);
  });
  return app;
}
