// Tokens of a real authorization server (oidc-provider), over real sockets, from discovery to the challenge for more.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import Provider from "oidc-provider";
import { afterAll, beforeAll, expect, test } from "vitest";
import { SILENT } from "../../shared/log.ts";
import { TOOLS } from "../../shared/tools/index.ts";
import { createApp } from "../app.ts";
import type { Backend } from "../backend.ts";
import { hostPolicy } from "../hosts.ts";
import { firstOf, ownerToken } from "./authenticate.ts";
import { jwtCallers, metadataUrls, scopesOf } from "./jwt.ts";

const AUDIENCE = "https://edge.example/mcp";
const OWNER = "owner-token-of-this-test";
const CLIENT = { client_id: "claude", client_secret: "secret-of-the-test-client" };

const backend: Backend = {
  tools: () => TOOLS.map(({ name }) => ({ name, description: "", inputSchema: { type: "object" } })),
  hasTool: () => true,
  call: async () => ({ kind: "json", output: { done: true } }),
  health: async () => {
    throw new Error("not asked here");
  },
};

let issuer: string;
let authorizationServer: Server;
let privateKey: CryptoKey;
const troubles: unknown[] = [];

beforeAll(async () => {
  const pair = await generateKeyPair("RS256", { extractable: true });
  privateKey = pair.privateKey;
  const jwk = { ...(await exportJWK(privateKey)), use: "sig", kid: "test", alg: "RS256" };
  // The port comes first: an issuer is named by its address.
  const holder = createServer().listen(0, "127.0.0.1");
  await once(holder, "listening");
  const { port } = holder.address() as AddressInfo;
  holder.close();
  await once(holder, "close");
  issuer = `http://127.0.0.1:${port}`;
  const provider = new Provider(issuer, {
    clients: [{ ...CLIENT, grant_types: ["client_credentials"], response_types: [], redirect_uris: [] }],
    jwks: { keys: [jwk] },
    scopes: ["read", "train", "admin"],
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: (_context, resource) => ({
          audience: resource,
          scope: "read train admin",
          accessTokenFormat: "jwt",
          accessTokenTTL: 600,
        }),
      },
    },
  });
  authorizationServer = provider.listen(port, "127.0.0.1");
  await once(authorizationServer, "listening");
});
afterAll(() => {
  authorizationServer.close();
});

async function tokenFor(scope: string, resource = AUDIENCE): Promise<string> {
  const response = await fetch(`${issuer}/token`, {
    method: "POST",
    body: new URLSearchParams({ grant_type: "client_credentials", scope, resource, ...CLIENT }),
  });
  const { access_token } = (await response.json()) as { access_token: string };
  return access_token;
}

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
  return async (path: string, token?: string, tool?: string) => {
    const message = tool
      ? { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: tool, arguments: {} } }
      : { jsonrpc: "2.0", id: 1, method: "tools/list" };
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
  const answer = await server()("/mcp", await tokenFor("read"), "start_training");
  expect(answer.status).toBe(403);
  expect(answer.challenge).toBe(
    'Bearer error="insufficient_scope", resource_metadata="https://edge.example/.well-known/oauth-protected-resource/mcp", scope="train"',
  );
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

test("an issuer that cannot be asked lets nobody in, and that is told to the log", async () => {
  const told: unknown[] = [];
  let nowMs = 0;
  const authenticate = jwtCallers({
    issuer: "http://127.0.0.1:1",
    audience: AUDIENCE,
    onTrouble: (error) => told.push(error),
    nowMs: () => nowMs,
  });
  for (nowMs of [0, 9_999, 10_000]) expect(await authenticate("Bearer a.b.c")).toBeUndefined();
  expect(told).toHaveLength(2); // not asked again within ten seconds
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
