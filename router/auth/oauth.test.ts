// Tokens of a real authorization server (oidc-provider), over real sockets, from discovery to the challenge for more.

import { generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SILENT } from "../../shared/log.ts";
import { TOOLS } from "../../shared/tools/index.ts";
import { createApp } from "../app.ts";
import type { Backend } from "../backend.ts";
import { hostPolicy } from "../hosts.ts";
import {
  type AuthorizationServer,
  freePort,
  startAuthorizationServer,
} from "../testing/authorization-server.ts";
import { firstOf, ownerToken } from "./authenticate.ts";
import { jwtCallers, metadataUrls, scopesOf } from "./jwt.ts";

const AUDIENCE = "https://edge.example/mcp";
const OWNER = "owner-token-of-this-test";

const backend: Backend = {
  tools: () => TOOLS.map(({ name }) => ({ name, description: "", inputSchema: { type: "object" } })),
  hasTool: () => true,
  call: async () => ({ kind: "json", output: { done: true } }),
  health: async () => {
    throw new Error("not asked here");
  },
};

let issuer: string;
let authorizationServer: AuthorizationServer;
let privateKey: CryptoKey;
const troubles: unknown[] = [];

beforeAll(async () => {
  authorizationServer = await startAuthorizationServer(await freePort());
  ({ issuer, privateKey } = authorizationServer);
});
afterAll(() => authorizationServer?.close());

const tokenFor = (scope: string, resource = AUDIENCE) => authorizationServer.tokenFor(scope, resource);

function server() {
  const oauth = { issuer, audience: AUDIENCE };
  const app = createApp({
    backend,
    surface: "mcp",
    policy: hostPolicy([], []),
    authenticate: firstOf(
      ownerToken(OWNER),
      jwtCallers({ ...oauth, onTrouble: (error) => troubles.push(error) }),
    ),
    oauth,
    log: SILENT,
  });
  return async (path: string, token?: string, tool?: string, body?: unknown) => {
    const message =
      body ??
      (tool
        ? { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: {} } }
        : { jsonrpc: "2.0", id: 1, method: "tools/list" });
    const isMetadata = path.startsWith("/.well-known");
    const response = await app.request(`http://localhost${path}`, {
      method: isMetadata ? "GET" : "POST",
      headers: {
        host: "localhost",
        "content-type": "application/json",
        ...(token && { authorization: `Bearer ${token}` }),
      },
      ...(!isMetadata && { body: JSON.stringify(message) }),
    });
    const text = await response.text();
    return { status: response.status, challenge: response.headers.get("www-authenticate"), text };
  };
}

test("a token of the issuer sees and calls what its scopes cover", async () => {
  const ask = server();
  const token = await tokenFor("read");
  const listed = await ask("/mcp", token);
  expect(listed.status).toBe(200);
  expect(listed.text).toContain("list_configs");
  expect(listed.text).not.toContain("start_training");
  expect((await ask("/mcp", token, "list_configs")).status).toBe(200);
  expect((await ask("/mcp", await tokenFor("read train"), "start_training")).status).toBe(200);
  expect(troubles).toEqual([]);
});

test("callers that come all at once wait for the issuer's keys together", async () => {
  const ask = server();
  const token = await tokenFor("read");
  const answers = await Promise.all(Array.from({ length: 5 }, () => ask("/mcp", token)));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
});

test("a call beyond the scopes is challenged for the one it needs, so that the client can ask for more", async () => {
  const [ask, token] = [server(), await tokenFor("read")];
  const answers = [
    await ask("/mcp", token, "start_training"),
    await ask("/mcp/execute", token, undefined, { tool: "start_training" }),
  ];
  for (const { status, challenge } of answers) {
    expect(status).toBe(403);
    expect(challenge).toBe(
      'Bearer error="insufficient_scope", resource_metadata="https://edge.example/.well-known/oauth-protected-resource/mcp", scope="train"',
    );
  }
});

test("who comes without a token is told where to get one; who holds ours and uses /t/mcp hears nothing of OAuth", async () => {
  const ask = server();
  const metadata = "https://edge.example/.well-known/oauth-protected-resource/mcp";
  expect((await ask("/mcp")).challenge).toBe(`Bearer resource_metadata="${metadata}", scope="read"`);
  expect((await ask("/t/mcp")).challenge).toBe("Bearer");
  expect((await ask("/t/mcp", "wrong")).challenge).toBe('Bearer error="invalid_token"');
  expect((await ask("/t/mcp", OWNER)).status).toBe(200);
  expect((await ask("/mcp", OWNER)).status).toBe(200);
  expect(JSON.parse((await ask("/.well-known/oauth-protected-resource/mcp")).text)).toEqual({
    resource: AUDIENCE,
    authorization_servers: [issuer],
    scopes_supported: ["read", "train", "admin"],
    bearer_methods_supported: ["header"],
    resource_name: expect.any(String),
  });
  expect((await ask("/.well-known/oauth-protected-resource")).status).toBe(404);
});

test("tokens for somebody else, expired, of other issuers, or signed by others are none", async () => {
  const ask = server();
  const signed = (claims: { iss?: string; aud?: string; exp?: string }, key = privateKey, alg = "RS256") =>
    new SignJWT({ scope: "admin" })
      .setProtectedHeader({ alg, kid: "test" })
      .setSubject("mallory")
      .setIssuer(claims.iss ?? issuer)
      .setAudience(claims.aud ?? AUDIENCE)
      .setExpirationTime(claims.exp ?? "5m")
      .sign(key);
  expect((await ask("/mcp", await signed({}))).status).toBe(200); // the way it is made is right
  const foreign = await generateKeyPair("RS256");
  const shared = await crypto.subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
  const bad = [
    await tokenFor("admin", "https://other.example/mcp"),
    await signed({ aud: "https://other.example/mcp" }),
    await signed({ iss: "https://other.example" }),
    await signed({ exp: "-5m" }),
    await signed({}, foreign.privateKey),
    await signed({}, shared as CryptoKey, "HS256"),
    `${(await signed({})).split(".").slice(0, 2).join(".")}.`,
    "a.b.c",
  ];
  for (const token of bad) expect((await ask("/mcp", token)).status, token.slice(0, 40)).toBe(401);
});

test("while an issuer cannot be asked its tokens are not called wrong, and that is told to the log", async () => {
  const told: unknown[] = [];
  let nowMs = 0;
  const authenticate = jwtCallers({
    issuer: "http://127.0.0.1:1",
    audience: AUDIENCE,
    onTrouble: (error) => told.push(error),
    nowMs: () => nowMs,
  });
  const { privateKey: key } = await generateKeyPair("RS256");
  const token = (iss: string) =>
    new SignJWT({ iss }).setProtectedHeader({ alg: "RS256" }).setExpirationTime("5m").sign(key);
  const ours = `Bearer ${await token("http://127.0.0.1:1")}`;
  for (nowMs of [0, 9_999, 10_000]) {
    await expect(authenticate(ours)).rejects.toMatchObject({
      code: "overloaded",
      message: expect.stringContaining("http://127.0.0.1:1"),
    });
  }
  expect(told).toHaveLength(2); // not asked again within ten seconds
  nowMs = 1_000_000;
  for (const other of ["a.b.c", await token("https://other.example")])
    expect(await authenticate(`Bearer ${other}`)).toBeUndefined();
  expect(told).toHaveLength(2); // nor for what cannot be one of its tokens
});

test.each([
  [
    "https://a.example",
    [
      "https://a.example/.well-known/oauth-authorization-server",
      "https://a.example/.well-known/openid-configuration",
    ],
  ],
  [
    "https://a.example/realms/x/",
    [
      "https://a.example/.well-known/oauth-authorization-server/realms/x",
      "https://a.example/realms/x/.well-known/openid-configuration",
    ],
  ],
])("the metadata of %s is looked for where RFC 8414 and OpenID Connect say", (name, urls) => {
  expect(metadataUrls(name)).toEqual(urls);
});

test.each([
  [{ scope: "openid train" }, ["train"]],
  [{ scp: ["read"] }, ["read"]],
  [{ scp: "read train" }, ["read", "train"]],
  [{ permissions: ["admin"] }, ["admin"]],
  [{ scope: "superadmin" }, []],
  [{}, []],
])("the claims %j grant %j", (claims, scopes) => {
  expect(scopesOf(claims)).toEqual(scopes);
});
