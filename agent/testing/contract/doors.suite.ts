// D14: who may call, told from Host, Origin and token.
import { expect, test } from "vitest";
import type { Chapter } from "./chapter.ts";

export const doors: Chapter = (subject) => {
  const ROUTES = [
    ["GET", "/health", undefined],
    ["GET", "/mcp/tools", undefined],
    ["POST", "/mcp/execute", { tool: "list_configs" }],
    ["POST", "/mcp", { jsonrpc: "2.0", id: 1, method: "ping" }],
    ["GET", "/.well-known/mcp", undefined],
    ["OPTIONS", "/mcp", undefined],
  ] as const;

  test.each(ROUTES)("D14: %s %s under a name that is not ours is refused", async (method, path, body) => {
    const { status, json } = await subject().sendBare(path, {
      method,
      body,
      headers: { host: "evil.example", "content-type": "application/json" },
    });
    expect(status).toBe(403);
    expect(json).toMatchObject({
      success: false,
      code: "forbidden",
      error: expect.stringContaining("Invalid Host"),
    });
  });

  test.each(ROUTES)(
    "D14: %s %s from a foreign web page is refused, and CORS stays closed",
    async (method, path, body) => {
      for (const origin of ["https://evil.example", "null", "http://127.0.0.1:1"]) {
        const { status, headers } = await subject().send(path, {
          method,
          body,
          headers: { origin, "access-control-request-method": "POST" },
        });
        expect(status, origin).toBe(403);
        expect(headers.get("access-control-allow-origin"), origin).toBeNull();
      }
    },
  );

  test("a page of our own may call and read its session id", async () => {
    const { send, url } = subject();
    const origin = new URL(url).origin;
    const { status, headers } = await send("/mcp", {
      body: { jsonrpc: "2.0", id: 1, method: "ping" },
      headers: { origin },
    });
    expect(status).toBe(200);
    expect(headers.get("access-control-allow-origin")).toBe(origin);
    expect(headers.get("access-control-expose-headers")).toContain("Mcp-Session-Id");
    expect(headers.get("vary")).toContain("Origin");
  });

  test("answers are not to be sniffed or kept", async () => {
    const { headers } = await subject().send("/mcp/tools");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("cache-control")).toBe("no-store");
  });

  test.each([
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/mcp",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration",
  ])("%s is a JSON 404, so that clients do not start OAuth", async (path) => {
    const { status, headers } = await subject().send(path);
    expect(status).toBe(404);
    expect(headers.get("content-type")).toMatch(/^application\/json/);
  });
};
