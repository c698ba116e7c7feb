// The Worker: sends away whoever cannot be let in, and hands all others on to the owner's object, which is not woken by
// the noise of the internet. A deployment has one owner; more owners are more deployments, and nothing is shared.
import type { Hono } from "hono";
import { ToolError } from "../shared/errors.ts";
import { secretProblem } from "../shared/secret.ts";
import { TRANSFER_PATH } from "./agent-door.ts";
import { createApp, isOpen } from "./app.ts";
import type { AppEnv } from "./app-env.ts";
import { bearerOf } from "./auth/authenticate.ts";
import { digest, equal } from "./auth/digest.ts";
import { claimsIssuer } from "./auth/jwt.ts";
import { hasTokenForm } from "./auth/tokens.ts";
import type { Backend } from "./backend.ts";
import { addressOf } from "./router-object.ts";
import { oauthOf, policyOf, type WorkerEnv } from "./worker-env.ts";
import { workerLog } from "./worker-log.ts";

export { RouterObject } from "./router-object.ts";

const OWNER = "owner";
const SMALL_BYTES = 64 * 1024;

/** Nobody gets as far as this. */
const nothing: Backend = {
  tools: () => [],
  hasTool: () => false,
  call: () => Promise.reject(new ToolError("forbidden", "Nothing can be called here")),
  health: () => Promise.reject(new ToolError("forbidden", "Nothing is known here")),
};

let doorman: Hono<AppEnv> | undefined;

/** The same app with nobody on its list: it says no in the same words, and counts how often. */
function turnAway(request: Request, env: WorkerEnv): Response | Promise<Response> {
  doorman ??= createApp({
    backend: nothing,
    surface: "mcp",
    policy: policyOf(env),
    authenticate: async () => undefined,
    oauth: oauthOf(env),
    agentDoor: { auth: [], accept: () => Promise.reject(new ToolError("unauthorized", "Nobody is let in")) },
    addressOf,
    log: workerLog(),
  });
  return doorman.fetch(request);
}

/** Whether it is worth asking the object, which knows the tokens. */
async function mayBeLetIn(request: Request, env: WorkerEnv): Promise<boolean> {
  const { pathname } = new URL(request.url);
  const isAgent = pathname === "/agent" || pathname.startsWith(TRANSFER_PATH);
  if (request.method === "OPTIONS" || (isOpen(pathname) && !isAgent)) return true;
  const sent = bearerOf(request.headers.get("authorization") ?? undefined);
  if (sent === undefined) return false;
  if (hasTokenForm(sent, isAgent ? "agent" : "client")) return true;
  const oauth = oauthOf(env);
  if (!isAgent && oauth && claimsIssuer(oauth.issuer, sent)) return true;
  const known = isAgent ? env.MCP_AI_TOOLKIT_AGENT_TOKEN : env.MCP_AI_TOOLKIT_TOKEN;
  return known !== undefined && equal(await digest(sent), await digest(known));
}

/**
 * A small body is read here: the object need not wait for a slow line, and the runtime may cut a connection whose body
 * nobody read before the answer.
 */
async function received(request: Request): Promise<Request> {
  const bytes = Number(request.headers.get("content-length") ?? 0);
  if (bytes === 0 || bytes > SMALL_BYTES) return request;
  return new Request(request, { body: await request.arrayBuffer() });
}

/** What the owner has to mend before anybody is let in. */
function problemOf({ MCP_AI_TOOLKIT_TOKEN, MCP_AI_TOOLKIT_AGENT_TOKEN }: WorkerEnv): string | undefined {
  if (!MCP_AI_TOOLKIT_TOKEN)
    return "This router has no owner yet. Give it one: npx wrangler secret put MCP_AI_TOOLKIT_TOKEN";
  for (const [name, secret] of Object.entries({ MCP_AI_TOOLKIT_TOKEN, MCP_AI_TOOLKIT_AGENT_TOKEN })) {
    const problem = secret && secretProblem(secret);
    if (problem) return `The secret ${name} ${problem}`;
  }
  return undefined;
}

export default {
  async fetch(request: Request, env: WorkerEnv): Promise<Response> {
    const error = problemOf(env);
    if (error !== undefined)
      return Response.json({ success: false, code: "unauthorized", error }, { status: 401 });
    const whole = await received(request);
    if (!(await mayBeLetIn(whole, env))) return turnAway(whole, env);
    return env.ROUTER.getByName(OWNER).fetch(whole);
  },
};
