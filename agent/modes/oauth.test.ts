// The real program with --oauth-issuer, and tokens of a real authorization server.
import { generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { afterEach, expect, test, vi } from "vitest";
import {
  type AuthorizationServer,
  freePort,
  startAuthorizationServer,
} from "../../router/testing/authorization-server.ts";
import { type Program, runProgram, startProgram } from "../testing/program.ts";
import { CLIENT_TOKEN, startRouter } from "../testing/routed.ts";
import { startWorker } from "../testing/worker.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 30_000 });

const PATIENCE = { timeout: 20_000, interval: 25 };
const AUDIENCE = "https://train.example.org/mcp";
const METADATA = "https://train.example.org/.well-known/oauth-protected-resource/mcp";

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close();
});
function closing<T extends { close(): unknown }>(each: T): T {
  opened.push(each);
  return each;
}

const flags = (issuer: string) => ["--oauth-issuer", issuer, "--oauth-audience", AUDIENCE];

function call({ url }: Pick<Program, "url">, tool: string, token?: string, path = "/mcp"): Promise<Response> {
  return fetch(url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify({
      jsonrpc: "2.0",
      id: 1,
      method: "tools/call",
      params: { name: tool, arguments: {} },
    }),
  });
}

async function withIssuer(): Promise<{ server: AuthorizationServer; router: Program }> {
  const server = closing(await startAuthorizationServer(await freePort()));
  const router = closing(await startRouter({ args: flags(server.issuer) }));
  return { server, router };
}

test("a router that is told of an issuer takes its tokens by their scopes, and challenges for more", async () => {
  const { server, router } = await withIssuer();
  await vi.waitFor(
    () => expect(router.log()).toContain("tokens of the authorization server are taken"),
    PATIENCE,
  );
  const reader = await server.tokenFor("read", AUDIENCE);
  expect((await call(router, "list_model_presets", reader)).status).toBe(200);
  const refused = await call(router, "start_training", reader);
  expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([
    403,
    `Bearer error="insufficient_scope", resource_metadata="${METADATA}", scope="train"`,
  ]);
  expect(
    (await call(router, "list_model_presets", await server.tokenFor("read", "https://other.example/mcp")))
      .status,
  ).toBe(401);
  const stranger = await call(router, "list_model_presets");
  expect([stranger.status, stranger.headers.get("www-authenticate")]).toEqual([
    401,
    `Bearer resource_metadata="${METADATA}", scope="read"`,
  ]);
  const metadata = await fetch(`${router.url}/.well-known/oauth-protected-resource/mcp`);
  expect(await metadata.json()).toMatchObject({ resource: AUDIENCE, authorization_servers: [server.issuer] });
  // Those who hold a token of ours hear nothing of OAuth on their own path.
  expect((await call(router, "list_model_presets", CLIENT_TOKEN, "/t/mcp")).status).toBe(200);
  expect(
    (await call(router, "list_model_presets", undefined, "/t/mcp")).headers.get("www-authenticate"),
  ).toBe("Bearer");
  for (const line of [reader, CLIENT_TOKEN]) expect(router.log()).not.toContain(line);
});

test("a router starts while its issuer is down, says so, serves its own tokens, and takes the issuer's once it is up", async () => {
  const port = await freePort();
  const issuer = `http://127.0.0.1:${port}`;
  const router = closing(await startRouter({ args: flags(issuer) }));
  await vi.waitFor(() => expect(router.log()).toContain("is --oauth-issuer right?"), PATIENCE);
  expect((await call(router, "list_model_presets", CLIENT_TOKEN)).status).toBe(200);
  expect((await fetch(`${router.url}/health`)).status).toBe(200);
  const server = closing(await startAuthorizationServer(port));
  const token = await server.tokenFor("read", AUDIENCE);
  expect((await call(router, "list_model_presets", token)).status).toBe(200);
});

test("a client whose token cannot be checked now is told to try again, not that it is wrong", async () => {
  const { server, router } = await withIssuer();
  const token = await server.tokenFor("read", AUDIENCE);
  server.close();
  const answer = await call(router, "list_model_presets", token);
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({
    code: "overloaded",
    hint: expect.stringContaining("Try again"),
  });
});

test("standalone takes them, too, and then not even loopback is let in without", async () => {
  const server = closing(await startAuthorizationServer(await freePort()));
  const program = closing(await startProgram({ args: flags(server.issuer) }));
  expect((await call(program, "list_configs")).status).toBe(401);
  expect((await call(program, "list_configs", await server.tokenFor("read", AUDIENCE))).status).toBe(200);
});

test.each([
  [["--oauth-issuer", "https://login.example.org"], /go together/],
  [flags("login.example.org"), /--oauth-issuer must be a URL/],
  [flags("http://login.example.org"), /use https/],
  [
    ["--oauth-issuer", "https://login.example.org", "--oauth-audience", "train"],
    /--oauth-audience must be a URL/,
  ],
])("router %j ends with 2 and says what is wrong", async (args, message) => {
  const ran = await runProgram(["router", "--port", "0", ...args]);
  expect([ran.code, ran.stderr]).toEqual([2, expect.stringMatching(message)]);
});

test("the Worker takes an issuer's tokens, and none that has expired, is not valid yet, is for somebody else, or was forged", async () => {
  const { issuer, privateKey, tokenFor } = closing(await startAuthorizationServer(await freePort()));
  const bindings = { MCP_AI_TOOLKIT_OAUTH_ISSUER: issuer, MCP_AI_TOOLKIT_OAUTH_AUDIENCE: AUDIENCE };
  const worker = closing(await startWorker({ bindings }));
  const status = async (token: string) => (await call(worker, "list_model_presets", token)).status;
  expect(await status(await tokenFor("read", AUDIENCE))).toBe(200);

  const nowSeconds = Math.floor(Date.now() / 1_000);
  const claims = { iss: issuer, aud: AUDIENCE, sub: "claude", scope: "read", exp: nowSeconds + 600 };
  const sign = (payload: JWTPayload, key = privateKey) =>
    new SignJWT(payload).setProtectedHeader({ alg: "RS256", kid: "test" }).sign(key);
  expect(await status(await sign(claims))).toBe(200);
  const { exp: _, ...endless } = claims;
  const { privateKey: another } = await generateKeyPair("RS256");
  for (const token of [
    await sign({ ...claims, exp: nowSeconds - 60 }),
    await sign({ ...claims, nbf: nowSeconds + 600 }),
    await sign({ ...claims, aud: "https://elsewhere.example.org/mcp" }),
    await sign(endless),
    await sign(claims, another),
  ])
    expect(await status(token)).toBe(401);
});
