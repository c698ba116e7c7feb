// Tokens from their making to their end, through the app and its door.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { SILENT } from "../shared/log.ts";
import { TOOLS } from "../shared/tools/index.ts";
import { createApp } from "./app.ts";
import { Audit } from "./audit.ts";
import { firstOf, ownerToken } from "./auth/authenticate.ts";
import { Pairing } from "./auth/pairing.ts";
import { clientTokens, TokenStore } from "./auth/tokens.ts";
import type { Backend } from "./backend.ts";
import { hostPolicy } from "./hosts.ts";
import { openSql } from "./node-sql.ts";

const folder = mkdtempSync(join(tmpdir(), "admin-"));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

const OWNER = "owner-token-of-this-test";

const backend: Backend = {
  tools: () => TOOLS.map(({ name }) => ({ name, description: "", inputSchema: { type: "object" } })),
  hasTool: (name) => TOOLS.some((tool) => tool.name === name),
  call: async () => ({ kind: "json", output: { done: true } }),
  health: async () => {
    throw new Error("not asked here");
  },
};

/** All that an answer of these routes may hold. */
interface Answers {
  readonly secret: string;
  readonly token: { readonly id: string };
  readonly tools: readonly { readonly name: string }[];
  readonly entries: readonly unknown[];
  readonly code: string;
  readonly error: string;
}

function server() {
  const sql = openSql(join(folder, `${++files}.db`));
  const tokens = new TokenStore(sql);
  const app = createApp({
    backend,
    surface: "mcp",
    policy: hostPolicy([], []),
    authenticate: firstOf(ownerToken(OWNER), clientTokens(tokens)),
    administration: { tokens, pairing: new Pairing(sql, tokens), audit: new Audit(sql) },
    log: SILENT,
  });
  return async (method: string, path: string, token?: string, body?: unknown) => {
    const response = await app.request(`http://localhost${path}`, {
      method,
      headers: {
        host: "localhost",
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { "content-type": "application/json" }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const json = (await response.json()) as Answers;
    return { status: response.status, headers: response.headers, json };
  };
}

test("the owner makes a token, its holder sees and calls what its scopes cover, and revoking it ends that", async () => {
  const ask = server();
  const made = await ask("POST", "/admin/tokens", OWNER, {
    label: "phone",
    scopes: ["read"],
    expires_days: 90,
  });
  expect(made.status).toBe(200);
  const { secret, token } = made.json;

  const { tools } = (await ask("GET", "/mcp/tools", secret)).json;
  expect(tools.map(({ name }) => name)).toEqual(
    TOOLS.filter((tool) => tool.scope === "read").map(({ name }) => name),
  );
  expect((await ask("POST", "/mcp/execute", secret, { tool: "list_configs" })).status).toBe(200);
  const refused = await ask("POST", "/mcp/execute", secret, {
    tool: "start_training",
    arguments: { config_name: "c" },
  });
  expect(refused).toMatchObject({ status: 403, json: { code: "forbidden" } });
  expect(refused.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope"');
  const rpc = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: "delete_model", arguments: {} },
  };
  expect(JSON.stringify((await ask("POST", "/mcp", secret, rpc)).json)).toContain("needs the scope admin");

  expect((await ask("DELETE", `/admin/tokens/${token.id}`, OWNER)).status).toBe(200);
  const late = await ask("GET", "/mcp/tools", secret);
  expect(late.status).toBe(401);
  expect(late.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
});

test("only the scope admin opens the owner's routes", async () => {
  const ask = server();
  const { secret } = (await ask("POST", "/admin/tokens", OWNER, { label: "x", scopes: ["train"] })).json;
  for (const [method, path] of [
    ["GET", "/admin/tokens"],
    ["POST", "/admin/tokens"],
    ["DELETE", "/admin/tokens/x"],
    ["POST", "/admin/pairing"],
    ["GET", "/admin/audit"],
  ] as const) {
    expect((await ask(method, path)).status).toBe(401);
    const refused = await ask(method, path, secret);
    expect(refused.status).toBe(403);
    expect(refused.headers.get("www-authenticate")).toBe('Bearer error="insufficient_scope"');
  }
});

test("the audit log holds who changed what, also when it was refused, and nothing of what was in it", async () => {
  const ask = server();
  const { secret, token } = (await ask("POST", "/admin/tokens", OWNER, { label: "phone", scopes: ["read"] }))
    .json;
  await ask("POST", "/mcp/execute", secret, { tool: "list_configs" });
  await ask("POST", "/mcp/execute", secret, { tool: "delete_config", arguments: { name: "cats" } });
  await ask("POST", "/mcp/execute", OWNER, {
    tool: "create_training_config",
    arguments: { name: "cats", trigger_word: "a secret word" },
  });
  const { entries } = (await ask("GET", "/admin/audit", OWNER)).json;
  expect(entries).toMatchObject([
    { caller_id: "owner", tool: "create_training_config", target: "cats", outcome: "ok" },
    {
      caller_id: token.id,
      caller_label: "phone",
      tool: "delete_config",
      target: "cats",
      outcome: "forbidden",
    },
    { caller_id: "owner", tool: "token create", target: token.id, outcome: "ok" },
  ]);
  expect(JSON.stringify(entries)).not.toContain("a secret word");
});

test("a machine joins with the code alone, and many wrong codes have to wait", async () => {
  const ask = server();
  const { code } = (await ask("POST", "/admin/pairing", OWNER)).json;
  const joined = await ask("POST", "/join", undefined, { code, name: "box222" });
  expect(joined).toMatchObject({
    status: 200,
    json: { name: "box222", secret: expect.stringMatching(/^maia_/) },
  });
  // A machine's credential calls no tools.
  expect((await ask("GET", "/mcp/tools", joined.json.secret)).status).toBe(401);
  const statuses = [];
  for (let i = 0; i < 22; i++)
    statuses.push((await ask("POST", "/join", undefined, { code, name: "box" })).status);
  expect(new Set(statuses.slice(0, 19))).toEqual(new Set([401]));
  expect(statuses.at(-1)).toBe(429);
});

test("after many wrong tokens an address has to wait, but the right one still comes in", async () => {
  const ask = server();
  const statuses = [];
  for (let i = 0; i < 21; i++) statuses.push((await ask("GET", "/mcp/tools", `wrong-${i}`)).status);
  expect(statuses).toEqual([...Array<number>(20).fill(401), 429]);
  expect((await ask("GET", "/mcp/tools", OWNER)).status).toBe(200);
  expect((await ask("GET", "/mcp/tools")).status).toBe(401);
});

test.each([
  [{ label: "x", scopes: ["all"] }, /scopes/],
  [{ label: "x", scopes: [] }, /at least one scope/],
  [{ label: "x", scopes: ["read"], expires_days: -1 }, /expires_days/],
  [{ scopes: ["read"] }, /label/],
])("the token request %j is refused with what is wrong", async (body, message) => {
  const answer = await server()("POST", "/admin/tokens", OWNER, body);
  expect(answer.status).toBe(400);
  expect(answer.json.error).toMatch(message);
});
