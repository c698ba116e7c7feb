// The server card (SEP-2127): who this server is and how it is reached, for clients that have not connected yet. It
// names no tools: those depend on who asks.
import { Hono } from "hono";
import {
  SERVER_ICON,
  SERVER_ID,
  SERVER_SUMMARY,
  SERVER_TITLE,
  SERVER_VERSION,
} from "../shared/server-info.ts";
import type { AppEnv } from "./app-env.ts";

export const CARD_PATH = "/mcp/server-card";
/** Where clients looked before the standard moved it. */
const OLD_PATH = "/.well-known/mcp/server-card.json";
const MAX_AGE_SECONDS = 3_600;

/** All that the SDK takes, the newest first. */
export const PROTOCOL_VERSIONS = [
  "2026-07-28",
  "2025-11-25",
  "2025-06-18",
  "2025-03-26",
  "2024-11-05",
  "2024-10-07",
];

/** @param needsToken does a call need one? */
export function serverCard(needsToken: () => Promise<boolean>): Hono<AppEnv> {
  const app = new Hono<AppEnv>();
  for (const path of [CARD_PATH, OLD_PATH])
    app.get(path, async (c) => {
      const { host } = new URL(c.req.url);
      // A proxy with a certificate stands in front of most of us, and says so.
      const isSecure = c.req.header("x-forwarded-proto") === "https" || c.req.url.startsWith("https:");
      const url = `${isSecure ? "https" : "http"}://${host}/mcp`;
      const isClosed = await needsToken();
      // All that the card depends on.
      const etag = `"${SERVER_VERSION} ${url} ${isClosed}"`;
      if (c.req.header("if-none-match")?.includes(etag)) return c.body(null, 304, { etag });
      const remote = {
        type: "streamable-http",
        url,
        supportedProtocolVersions: PROTOCOL_VERSIONS,
        ...(isClosed && {
          headers: [
            {
              name: "Authorization",
              description: "Bearer, and a token of this server: mcp-ai-toolkit token create",
              isRequired: true,
              isSecret: true,
            },
          ],
        }),
      };
      const card = {
        $schema: "https://static.modelcontextprotocol.io/schemas/v2/server-card.schema.json",
        name: SERVER_ID,
        version: SERVER_VERSION,
        title: SERVER_TITLE,
        description: SERVER_SUMMARY,
        icons: [SERVER_ICON],
        remotes: [remote],
      };
      return c.body(JSON.stringify(card), 200, {
        etag,
        "content-type": "application/mcp-server-card+json",
        "access-control-allow-origin": "*",
        "cache-control": `public, max-age=${MAX_AGE_SECONDS}`,
      });
    });
  return app;
}
