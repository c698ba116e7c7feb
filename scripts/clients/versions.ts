// The clients that are tried against the server, and the table of them in the README. Their versions are exact: another
// one is another client.
import pkg from "../../package.json" with { type: "json" };

export const PYTHON = "2.3.0";
export const MCP_REMOTE = "0.15.1";
export const INSPECTOR = "2.12.0";

const { "@modelcontextprotocol/sdk": sdk1, "@modelcontextprotocol/client": sdk2 } = pkg.devDependencies;

const CLIENTS = [
  ["TypeScript SDK 1", sdk1, "HTTP, stdio", "2025-11-25", "npm test"],
  ["TypeScript SDK 2, auto and pinned", sdk2, "HTTP, stdio", "2026-07-28", "npm test"],
  ["TypeScript SDK 2, legacy", sdk2, "HTTP", "2025-11-25", "npm test"],
  ["Python `mcp`, auto", PYTHON, "HTTP", "2026-07-28", "npm run clients"],
  ["Python `mcp`, legacy", PYTHON, "HTTP", "2025-11-25", "npm run clients"],
  ["`mcp-remote`", MCP_REMOTE, "stdio, HTTP behind it", "2025-11-25", "npm run clients"],
  ["Inspector's command line, modern", INSPECTOR, "HTTP", "2026-07-28", "npm run clients"],
  ["Inspector's command line, legacy", INSPECTOR, "HTTP", "2025-11-25", "npm run clients"],
  ["curl without Accept", "any", "HTTP", "2025-11-25", "npm run clients"],
] as const;

/** For the README. */
export const clientTable = [
  "| client | version | over | revision | tried by |",
  "|---|---|---|---|---|",
  ...CLIENTS.map(
    ([client, version, over, revision, by]) =>
      `| ${client} | ${version} | ${over} | ${revision} | \`${by}\` |`,
  ),
];
