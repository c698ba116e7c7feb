import { SUPPORTED_PROTOCOL_VERSIONS } from "@modelcontextprotocol/server";
import { expect, test } from "vitest";
import { SILENT } from "../shared/log.ts";
import { SERVER_ID, SERVER_VERSION } from "../shared/server-info.ts";
import { createApp } from "./app.ts";
import { ownerToken } from "./auth/authenticate.ts";
import { hostPolicy } from "./hosts.ts";
import { PROTOCOL_VERSIONS } from "./server-card.ts";
import { testFleet } from "./testing/fleet.ts";

const appWith = (token: string | undefined) =>
  createApp({
    backend: testFleet(),
    surface: "mcp",
    policy: hostPolicy(["train.example.org"]),
    authenticate: ownerToken(token),
    log: SILENT,
  });

test.each(["/mcp/server-card", "/.well-known/mcp/server-card.json"])(
  "%s is there for everybody",
  async (path) => {
    const headers = { host: "train.example.org", "x-forwarded-proto": "https" };
    const app = appWith("a-token-that-is-long-enough");
    const response = await app.request(`http://train.example.org${path}`, { headers });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/mcp-server-card+json");
    expect(response.headers.get("access-control-allow-origin")).toBe("*");
    expect(await response.json()).toMatchObject({
      $schema: "https://static.modelcontextprotocol.io/schemas/v2/server-card.schema.json",
      name: SERVER_ID,
      version: SERVER_VERSION,
      remotes: [
        {
          type: "streamable-http",
          url: "https://train.example.org/mcp",
          headers: [{ name: "Authorization", isRequired: true, isSecret: true }],
        },
      ],
    });
    const tag = response.headers.get("etag") ?? "";
    const again = await app.request(`http://train.example.org${path}`, {
      headers: { ...headers, "if-none-match": tag },
    });
    expect(again.status).toBe(304);
  },
);

test("where no token is asked for, none is spoken of", async () => {
  const response = await appWith(undefined).request("http://localhost/mcp/server-card", {
    headers: { host: "localhost" },
  });
  const { remotes } = (await response.json()) as { remotes: object[] };
  expect(remotes[0]).not.toHaveProperty("headers");
});

test("it names the versions that are spoken", () => {
  expect(new Set(PROTOCOL_VERSIONS)).toEqual(new Set(["2026-07-28", ...SUPPORTED_PROTOCOL_VERSIONS]));
});

test("the rest of the endpoint stays behind its door", async () => {
  const response = await appWith("a-token-that-is-long-enough").request("http://localhost/mcp", {
    method: "POST",
    headers: { host: "localhost", "content-type": "application/json" },
    body: "{}",
  });
  expect(response.status).toBe(401);
});

test("the icon goes out when a client asks who we are, and not with every answer", async () => {
  const app = appWith(undefined);
  const post = async (method: string, era: "old" | "new", params: object = {}) => {
    const _meta = {
      "io.modelcontextprotocol/protocolVersion": "2026-07-28",
      "io.modelcontextprotocol/clientCapabilities": {},
    };
    const response = await app.request("http://localhost/mcp", {
      method: "POST",
      headers: {
        host: "localhost",
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
        ...(era === "new" && { "mcp-protocol-version": "2026-07-28", "mcp-method": method }),
      },
      body: JSON.stringify({
        jsonrpc: "2.0",
        id: 1,
        method,
        params: { ...params, ...(era === "new" && { _meta }) },
      }),
    });
    return response.text();
  };
  const icon = "data:image/svg+xml";
  expect(await post("server/discover", "new")).toContain(icon);
  expect(await post("initialize", "old")).toContain(icon);
  const list = await post("tools/list", "new");
  expect(list).toContain('"list_configs"');
  expect(list).not.toContain(icon);
});
